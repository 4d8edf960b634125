"""The file `tokenizer.json` of Hugging Face's `tokenizers`: its model, decoder and added tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from decoding.vocabularies.added_tokens import AddedToken, number
from decoding.vocabularies.token_decoder import make_decoder
from decoding.vocabularies.vocabulary_error import VocabularyError

MERGES = re.compile(rb'"merges"\s*:\s*\[')
LAST_BRACKETS = re.compile(rb"\]\s*\}\s*\}\s*\Z")
TAIL_BYTES = 256


def read_tokenizer_json(path: Path, tags: Collection[str]) -> dict[int, bytes | None]:
    """Return the bytes of every id; raise VocabularyError if the file does not give them."""
    try:
        document = parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise VocabularyError(f"{path} cannot be read as JSON: {error}") from error
    try:
        return _token_bytes(document, tags)
    except VocabularyError as error:
        raise VocabularyError(f"{path}: {error}") from None


def parse(data: bytes) -> Any:
    """Read the JSON, without the model's merges where they end the file, as they usually do.

    No reply depends on them and they are most of it: 280,147 for Llama 3.
    """
    merges = MERGES.search(data)
    if merges and LAST_BRACKETS.search(data[-TAIL_BYTES:]):
        try:
            match json.loads(data[: merges.end()] + b"]}}"):
                case {
                    "added_tokens": _,
                    "decoder": _,
                    "model": {"vocab": _, "merges": []},
                } as found:
                    return found
        except ValueError:
            pass  # the name stood elsewhere
    return json.loads(data)


def _token_bytes(document: object, tags: Collection[str]) -> dict[int, bytes | None]:
    if not isinstance(document, dict):
        raise VocabularyError(f"expected a JSON object, found {type(document).__name__}")
    texts, ids = _model_tokens(document.get("model"))
    decode = make_decoder(document.get("decoder"))
    tokens: dict[int, bytes | None] = dict(zip(ids, decode(texts), strict=True))
    added = [AddedToken.from_dict(item) for item in document.get("added_tokens") or ()]
    contents = {token.content for token in added}
    known = {text: at for text, at in zip(texts, ids, strict=True) if text in contents}
    for token_id, token in number(added, known, len(ids)):
        tokens[token_id] = token.to_bytes(tags, lambda text: decode([text])[0])
    return tokens


def _model_tokens(model: Any) -> tuple[list[str], list[int]]:
    """Return the texts and ids of the model's own tokens, in one order."""
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocab, dict) and {*map(type, vocab.values())} <= {int}:
        return [*vocab], [*vocab.values()]
    if isinstance(vocab, list) and all(type(entry) is list and entry for entry in vocab):
        texts = [entry[0] for entry in vocab]
        if {*map(type, texts)} <= {str}:
            return texts, [*range(len(texts))]
    raise VocabularyError(
        "expected model.vocab to be an object of ids by text or a list of [text, score] pairs"
    )
