"""Controls: the control tokens of a tokenizer, and how data that spell one are kept from being it.

A chat template's control tokens stand in one text with the data that it renders. Data are rendered
with a BREAK inside every control token that they spell; what the template writes has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

BREAK = "\ufdd0"  # a noncharacter of Unicode: no text to be exchanged has it


@dataclass(frozen=True, slots=True)
class Controls:
    """The ids of the control tokens by their text; one per tokenizer."""

    ids: dict[str, int]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, tokenizer: Any) -> Self:
        """Read them from a tokenizer of transformers."""
        added = tokenizer.added_tokens_decoder.items()
        ids = {token.content: int(id) for id, token in added if token.special}
        longest_first = map(re.escape, sorted(ids, key=len, reverse=True))
        return cls(ids, re.compile("|".join(longest_first) or "(?!)"))

    def hide(self, data: str) -> str:
        """Return the data with a BREAK behind the first character of what is no control token."""
        broken = re.compile(f"(?=(?:{self.pattern.pattern}))(.)", re.DOTALL)
        return broken.sub(rf"\1{BREAK}", data.replace(BREAK, ""))

    def split(self, text: str) -> list[str | int]:
        """Return the ids of the control tokens and the texts between them, without a BREAK."""
        parts: list[str | int] = []
        end = 0
        for match in self.pattern.finditer(text):
            parts += [text[end : match.start()].replace(BREAK, ""), self.ids[match[0]]]
            end = match.end()
        return [*parts, text[end:].replace(BREAK, "")]
