"""Words: a text as the comparisons of data see it, without case, signs and line breaks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Return the words of a text: letters and digits, compatibility forms made one (NFKC)."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def runs(words: Sequence[str], length: int) -> Iterator[str]:
    """Yield every run of `length` words one after another, as one text."""
    for start in range(len(words) - length + 1):
        yield " ".join(words[start : start + length])
