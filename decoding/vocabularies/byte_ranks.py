"""Files that list tokens by rank: tiktoken's, Llama 3's original form of it, Mistral's tekken."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Collection
from pathlib import Path

from decoding.vocabularies.added_tokens import AddedToken
from decoding.vocabularies.vocabulary_error import VocabularyError


def read_ranks(path: Path) -> dict[int, bytes | None]:
    """Read lines of a token in base64 and its rank, which is its id; raise VocabularyError.

    The special tokens are not in the file: their ids are holes or follow the last rank.
    """
    fields = path.read_bytes().split()
    try:
        ranks = map(int, fields[1::2])
        return dict(zip(ranks, map(a2b_base64, fields[::2]), strict=True))
    except ValueError as error:
        raise VocabularyError(
            f"{path}: expected lines of a token in base64 and its rank: {error}"
        ) from error


def read_tekken(path: Path, tags: Collection[str]) -> dict[int, bytes | None]:
    """Read `tekken.json`: the special tokens have the first ids, the others follow by rank."""
    try:
        document = json.loads(path.read_bytes())
        config = document["config"]
        num_special = config["default_num_special_tokens"]
        size = config["default_vocab_size"]
        tokens: dict[int, bytes | None] = dict.fromkeys(range(min(num_special, size)))
        for entry in document.get("special_tokens") or ():
            token = AddedToken(entry["token_str"], is_special=True)
            tokens[entry["rank"]] = token.to_bytes(tags)
        for entry in document["vocab"][: size - num_special]:
            tokens[num_special + entry["rank"]] = a2b_base64(entry["token_bytes"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise VocabularyError(
            f"{path}: expected the config, vocab and special_tokens of tekken: {error!r}"
        ) from error
    return tokens
