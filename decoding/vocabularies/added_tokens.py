"""The tokens that were added to a tokenizer beside its model: special tokens, tags, new words."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from decoding.vocabularies.vocabulary_error import VocabularyError


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A text that is one token; where and how it is matched does not change its bytes."""

    content: str
    is_special: bool

    @classmethod
    def from_dict(cls, item: Any) -> Self:
        """Read an entry of `added_tokens`; raise VocabularyError if it has no content."""
        match item:
            case {"content": str(content)}:
                return cls(content, is_special=bool(item.get("special")))
        raise VocabularyError(f"expected an added token with a content, found {item!r}")

    def to_bytes(
        self, tags: Collection[str], decode: Callable[[str], bytes] = str.encode
    ) -> bytes | None:
        """Return what it writes in a reply: a tag as it stands, no text if it is special."""
        if self.content in tags:
            return self.content.encode()
        return None if self.is_special else decode(self.content)


def number(
    tokens: Iterable[AddedToken], ids: Mapping[str, int], num_model_tokens: int
) -> Iterator[tuple[int, AddedToken]]:
    """Give each added token its id as the library `tokenizers` does when it loads the file.

    That is the id of the model's token of the same content, or the next free one; the ids that
    the file gives are not read. Of equal contents the first counts; one special makes all so.
    """
    tokens = [token for token in tokens if token.content]
    special = {token.content for token in tokens if token.is_special}
    following = num_model_tokens
    for content in dict.fromkeys(token.content for token in tokens):
        token_id = ids.get(content, following)
        following = max(following, token_id + 1)
        yield token_id, AddedToken(content, content in special)


def read_added_tokens(folder: Path) -> dict[int, AddedToken]:
    """Read the tokens added to a folder without `tokenizer.json`, id -> token.

    They stand in `tokenizer_config.json`, or in `added_tokens.json` beside the
    `special_tokens_map.json` that says which of them are special.
    """
    listed = _read(folder / "tokenizer_config.json").get("added_tokens_decoder")
    if isinstance(listed, dict):
        return {_id(at): AddedToken.from_dict(item) for at, item in listed.items()}
    special = {*_contents(_read(folder / "special_tokens_map.json").values())}
    added = _read(folder / "added_tokens.json")
    return {_id(at): AddedToken(text, text in special) for text, at in added.items()}


def _contents(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        match value:
            case str(content) | {"content": str(content)}:
                yield content
            case [*several]:
                yield from _contents(several)


def _id(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise VocabularyError(f"expected the id of an added token, found {value!r}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise VocabularyError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise VocabularyError(f"{path}: expected a JSON object, found {type(document).__name__}")
    return document
