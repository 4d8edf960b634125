"""The judge: a plain reference for the reply format, sharing no code with the automaton."""

from __future__ import annotations

import re


def is_well_formed(reply: bytes, names: tuple[str, str, str] = ("thinking", "reflection", "output"),
                   max_blank: int = 8) -> bool:  # fmt: skip
    """Whether the bytes are strict UTF-8, one whole reply, with an answer that is not blank."""
    try:
        text = reply.decode("utf-8")
    except UnicodeDecodeError:
        return False
    t, r, o = map(re.escape, names)
    plain = rf"(?:(?!</?(?:{t}|{r}|{o})>).)*"
    thinking = rf"<{t}>{plain}(?:<{r}>{plain}</{r}>{plain})*</{t}>[ \t\r\n]{{0,{max_blank}}}"
    match = re.fullmatch(rf"(?:{thinking})+<{o}>({plain})</{o}>", text, re.DOTALL)
    return match is not None and bool(match.group(1).strip(" \t\r\n"))


def num_reflections(reply: bytes, name: str = "reflection") -> int:
    """How many reflections the reply closed."""
    return reply.count(f"</{name}>".encode())
