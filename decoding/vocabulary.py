"""The vocabulary: what bytes each token id stands for.

Reads the `tokenizer.json` of a Hugging Face folder. Byte-level BPE writes the 256 bytes as 256
printable characters (GPT-2's table: printable Latin-1 characters stand for themselves, the other
bytes for the characters from U+0100 on).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))


class VocabularyError(ValueError):
    """A tokenizer folder whose tokens cannot be turned into bytes."""


class Vocabulary:
    """Token id -> bytes, shared by every automaton and parser of one model; immutable.

    `token_bytes[i]` is None for ids that stand for no text: special tokens, unused ids and the
    ids by which a model's vocabulary is larger than its tokenizer's.
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
        sha = hashlib.sha256()
        for token in self.token_bytes:
            sha.update(b"-" if token is None else b"%d:" % len(token) + token)
        return sha.hexdigest()

    @cached_property
    def by_length(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """The tokens with text, longest first: their ids, where each begins, and all their bytes.

        (n,) int64, (n,) int64 and (bytes,) uint8
        """
        lengths = np.fromiter((len(text or b"") for text in self.token_bytes), np.int64, self.size)
        token_ids = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        offsets = np.append(0, np.cumsum(lengths[token_ids])[:-1])
        return token_ids, offsets, np.frombuffer(self.decode(token_ids.tolist()), np.uint8)

    def decode(self, token_ids: Collection[int]) -> bytes:
        """Return the bytes of the tokens; ids without text add nothing."""
        return b"".join(self.token_bytes[i] or b"" for i in token_ids)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        size: int | None = None,
        tags: Collection[str] = (),
    ) -> Self:
        """Read `<folder>/tokenizer.json`.

        size: the model's vocab_size where it exceeds the tokenizer's; the rest has no text.
        tags: texts of special tokens that are text all the same (tags registered as special).
        Raises VocabularyError for anything but byte-level BPE.
        """
        path = Path(folder) / "tokenizer.json"
        try:
            document = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise VocabularyError(f"{path} is missing: a fast tokenizer is needed") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise VocabularyError(f"{path} cannot be read as JSON: {error}") from error
        return cls(_token_bytes(document, path, size, tags))


def _token_bytes(
    document: Mapping[str, Any], path: Path, size: int | None, tags: Collection[str]
) -> list[bytes | None]:
    model = document.get("model", {})
    if model.get("type") != "BPE" or "ByteLevel" not in _kinds(document.get("decoder")):
        raise VocabularyError(
            f"{path}: expected a byte-level BPE tokenizer, found model {model.get('type')!r} "
            f"with decoder {_kinds(document.get('decoder'))}"
        )
    vocab: Mapping[str, int] = model["vocab"]
    added: Sequence[Mapping[str, Any]] = document.get("added_tokens") or ()
    count = 1 + max([*vocab.values(), *(token["id"] for token in added)])
    tokens: list[bytes | None] = [None] * max(count, size or 0)
    byte_of = _byte_table()
    shadowed = {token["id"] for token in added}
    for text, token_id in vocab.items():
        if token_id in shadowed:
            continue
        try:
            tokens[token_id] = bytes([byte_of[character] for character in text])
        except KeyError:
            raise VocabularyError(
                f"{path}: token {token_id} is not written in the byte alphabet"
            ) from None
    for token in added:
        is_text = not token.get("special") or token["content"] in tags
        tokens[token["id"]] = token["content"].encode() if is_text else None
    return tokens


def _kinds(decoder: Any) -> list[str]:
    if not isinstance(decoder, dict):
        return []
    inner = decoder.get("decoders", [])
    return [str(decoder.get("type")), *(kind for part in inner for kind in _kinds(part))]


def _byte_table() -> dict[str, int]:
    table = {chr(byte): byte for byte in PRINTABLE}
    rest = (byte for byte in range(256) if byte not in set(PRINTABLE))
    return table | {chr(256 + offset): byte for offset, byte in enumerate(rest)}
