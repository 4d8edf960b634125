"""The blank characters: those that a reader of an answer cannot see.

White space and controls (Unicode categories Zs, Zl, Zp, Cc), what Unicode calls default ignorable
(DerivedCoreProperties.txt: joiners, fillers, variation selectors, tags), and the empty braille
cell. An answer made of these alone counts as no answer.
"""

from __future__ import annotations

import unicodedata
from functools import cache

DEFAULT_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
EMPTY_BRAILLE = 0x2800
LAST_SPACE = 0x3000  # no later character is of the categories below


@cache
def blank_characters() -> frozenset[str]:
    """Return every blank character."""
    spaces = (
        chr(code)
        for code in range(LAST_SPACE + 1)
        if unicodedata.category(chr(code)) in {"Cc", "Zs", "Zl", "Zp"}
    )
    ignorable = (chr(code) for low, high in DEFAULT_IGNORABLE for code in range(low, high + 1))
    return frozenset([*spaces, *ignorable, chr(EMPTY_BRAILLE)])


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing of the text."""
    return blank_characters().issuperset(text)
