"""The vocabulary: what bytes each token id stands for."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from decoding.vocabularies.added_tokens import read_added_tokens
from decoding.vocabularies.byte_ranks import read_ranks, read_tekken
from decoding.vocabularies.sentencepiece_model import read_sentencepiece
from decoding.vocabularies.tokenizer_json import read_tokenizer_json
from decoding.vocabularies.vocabulary_error import VocabularyError

__all__ = ["Vocabulary", "VocabularyError"]

MAX_SIZE = 2**24
BYTES_OF_UTF8 = frozenset(bytes([byte]) for byte in (*range(0xC0), *range(0xC2, 0xF5)))
RANK_LINE = re.compile(rb"\s*[A-Za-z0-9+/=]+ \d+\s")


class Vocabulary:
    """Token id -> bytes, shared by every automaton and parser of one model; immutable.

    `token_bytes[i]` is what the token adds inside a text, None for ids that stand for no text:
    special tokens, unused ids and the ids by which a model's vocabulary is larger than its
    tokenizer's. The decoders of SentencePiece drop a blank at the very start of a text; a reply
    starts with a tag, not a blank, so that decoding it by itself gives these bytes too.
    """

    def __init__(self, token_bytes: Sequence[bytes | None]) -> None:
        """Take the bytes of every id in order; raise VocabularyError if there are none."""
        if not any(token_bytes):
            raise VocabularyError("the vocabulary has no token with text")
        self.token_bytes: tuple[bytes | None, ...] = tuple(token_bytes)

    @property
    def size(self) -> int:
        """Number of ids, those without text included."""
        return len(self.token_bytes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids and bytes: equal digests behave equally."""
        is_text = np.array([token is not None for token in self.token_bytes])
        sha = hashlib.sha256(b"%d:" % self.size + np.packbits(is_text).tobytes())
        sha.update(self._lengths.astype("<i8").tobytes())
        sha.update(b"".join(filter(None, self.token_bytes)))
        return sha.hexdigest()

    @cached_property
    def by_length(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """The tokens with text, longest first: their ids, where each begins, and all their bytes.

        (n,) int64, (n,) int64 and (bytes,) uint8
        """
        lengths = self._lengths
        token_ids = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        sorted_lengths = lengths[token_ids]
        offsets = np.cumsum(sorted_lengths) - sorted_lengths
        by_id = np.frombuffer(b"".join(filter(None, self.token_bytes)), np.uint8)
        shifts = (np.cumsum(lengths) - lengths)[token_ids] - offsets
        return token_ids, offsets, by_id[np.repeat(shifts, sorted_lengths) + np.arange(by_id.size)]

    @cached_property
    def _lengths(self) -> npt.NDArray[np.int64]:
        texts = [text or b"" for text in self.token_bytes]
        return np.fromiter(map(len, texts), np.int64, self.size)

    def decode(self, token_ids: Collection[int]) -> bytes:
        """Return the bytes of the tokens; ids without text add nothing."""
        return b"".join(filter(None, map(self.token_bytes.__getitem__, token_ids)))

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        size: int | None = None,
        tags: Collection[str] = (),
    ) -> Self:
        """Read the tokenizer of a model folder: the first found of `tokenizer.json`,
        `tekken.json`, tiktoken's ranks and SentencePiece's or Llama 3's `tokenizer.model`.

        size: the model's vocab_size where it exceeds the tokenizer's; the rest has no text.
        tags: texts of special tokens that are text all the same (tags registered as special).
        Raises VocabularyError if a token's bytes depend on its neighbours, or if there is no
        token for some byte of UTF-8, so that not every text could be written.
        """
        path = _find(Path(folder))
        try:
            tokens = _read(path, frozenset(tags))
        except OSError as error:
            raise VocabularyError(f"{path} cannot be read: {error}") from error
        if missing := BYTES_OF_UTF8.difference(tokens.values()):
            raise VocabularyError(
                f"{path}: expected a token for each byte of UTF-8 (byte-level BPE or byte "
                f"fallback), found none for {len(missing)} of them, {min(missing)!r} the first"
            )
        return cls(_by_id(tokens, path, size or 0))


def _find(folder: Path) -> Path:
    for pattern in ("tokenizer.json", "tekken.json", "*.tiktoken", "tiktoken.model"):
        for path in sorted(folder.glob(pattern)):
            return path
    for path in sorted(folder.glob("tokenizer.model*"), reverse=True):
        return path
    raise VocabularyError(
        f"{folder} has no tokenizer: expected tokenizer.json, tekken.json, *.tiktoken or "
        "tokenizer.model"
    )


def _read(path: Path, tags: Collection[str]) -> dict[int, bytes | None]:
    if path.name == "tokenizer.json":
        return read_tokenizer_json(path, tags)
    if path.name == "tekken.json":
        return read_tekken(path, tags)
    with path.open("rb") as file:
        is_ranks = RANK_LINE.match(file.read(4096))
    tokens = read_ranks(path) if is_ranks else read_sentencepiece(path, tags)
    for token_id, token in read_added_tokens(path.parent).items():
        tokens[token_id] = token.to_bytes(tags)
    return tokens


def _by_id(tokens: Mapping[int, bytes | None], path: Path, size: int) -> list[bytes | None]:
    if not 0 <= min(tokens) <= max(tokens) < MAX_SIZE:
        raise VocabularyError(
            f"{path}: expected ids of 0 to {MAX_SIZE - 1}, found {min(tokens)} to {max(tokens)}"
        )
    return [*map(tokens.get, range(max(1 + max(tokens), size)))]
