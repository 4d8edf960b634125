"""The judge: a plain reference for the reply format, sharing no code with the automaton."""

from __future__ import annotations

import re
import unicodedata


def is_well_formed(reply: bytes, names: tuple[str, str, str] = ("thinking", "reflection", "output"),
                   max_blank: int = 8, *, is_thinking_optional: bool = False) -> bool:  # fmt: skip
    """Whether the bytes are strict UTF-8, one whole reply, with an answer that is not blank."""
    try:
        text = reply.decode("utf-8")
    except UnicodeDecodeError:
        return False
    t, r, o = map(re.escape, names)
    plain = rf"(?:(?!</?(?:{t}|{r}|{o})>).)*"
    thinking = rf"<{t}>{plain}(?:<{r}>{plain}</{r}>{plain})*</{t}>[ \t\r\n]{{0,{max_blank}}}"
    count = "*" if is_thinking_optional else "+"
    match = re.fullmatch(rf"(?:{thinking}){count}<{o}>({plain})</{o}>", text, re.DOTALL)
    return match is not None and any(map(is_visible, match.group(1)))


def is_visible(character: str) -> bool:
    """Whether a reader sees the character; fillers and ignorable ones by hand, the rest by kind."""
    code = ord(character)
    if unicodedata.category(character) in {"Cc", "Zs", "Zl", "Zp"}:
        return False
    fillers = {0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFEFF, 0xFFA0}
    ranges = "180b-180f 200b-200f 202a-202e 2060-206f fe00-fe0f fff0-fff8 1bca0-1bca3 1d173-1d17a"
    spans = [[int(end, 16) for end in span.split("-")] for span in f"{ranges} e0000-e0fff".split()]
    return code not in fillers and not any(low <= code <= high for low, high in spans)


def num_reflections(reply: bytes, name: str = "reflection") -> int:
    """How many reflections the reply closed."""
    return reply.count(f"</{name}>".encode())
