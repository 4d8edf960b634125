"""ClientTexts: what clients wrote, as markers while a template is rendered, and back again.

A text in a template's hands is a marker, so that it stays recognisable as the client's wherever the
template puts it. What the template makes JSON of is written with the texts themselves, and is a
client's text as a whole: it cannot spell a control token either.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A blank that no template writes: where the template trims, it is gone after rendering.
EDGE = "\u2028"
# The words of tools and their schemas, which templates compare and look up: they stay themselves.
WORDS = frozenset([
    "type", "function", "name", "description", "parameters", "properties", "required", "items",
    "enum", "anyOf", "oneOf", "allOf", "default", "format", "title", "additionalProperties",
    "string", "number", "integer", "boolean", "object", "array", "null", "id", "arguments",
])  # fmt: skip


# Every rendering's markers; the hexadecimal digits tell its own.
MARKED = re.compile(f"({EDGE}?)Content([0-9a-f]{{16}})Nr([0-9]+)End({EDGE}?)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a rendered prompt, written by the template or by a client."""

    text: str
    is_template: bool


class ClientTexts:
    """The texts of one rendering; equal texts have equal markers."""

    def __init__(self) -> None:
        """Begin with a marker that nobody can guess."""
        self._secret = secrets.token_hex(8)
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """Return the marker that stands for the text."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return f"{EDGE}Content{self._secret}Nr{number}End{EDGE}"

    def mark_all(self, value: Any) -> Any:
        """Return JSON with markers for its texts and keys."""
        match value:
            case str():
                return value if value in WORDS else self.mark(value)
            case Mapping():
                return {self.mark_all(key): self.mark_all(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.mark_all(inner) for inner in value]
        return value

    def to_json(self, value: Any, **options: Any) -> str:
        """Write a value of a template's as JSON; what holds clients' texts becomes one itself."""
        own = self._restored(value)
        text = json.dumps(own, **options)
        return text if own == value else self.mark(text)

    def _restored(self, value: Any) -> Any:
        match value:
            case str():
                return "".join(piece.text for piece in self.pieces(value))
            case Mapping():
                pairs = value.items()
                return {self._restored(key): self._restored(inner) for key, inner in pairs}
            case list() | tuple():
                return [self._restored(inner) for inner in value]
        return value

    def pieces(self, rendered: str) -> Iterator[Piece]:
        """Cut a rendered text at the markers, and put the clients' texts in their place."""
        end = 0
        for match in MARKED.finditer(rendered):
            if match[2] != self._secret:
                continue
            yield Piece(rendered[end : match.start()], is_template=True)
            text = self._texts[int(match[3])]
            text = text if match[1] else text.lstrip()
            yield Piece(text if match[4] else text.rstrip(), is_template=False)
            end = match.end()
        yield Piece(rendered[end:], is_template=True)
