"""Random texts near the reply format: well-formed replies, changed in a few places."""

from __future__ import annotations

import random

TAGS = ("<thinking>", "</thinking>", "<reflection>", "</reflection>", "<output>", "</output>")
WORDS = ("a", "Wait", "3 < 4", " ", "\n", "é", "漢", "😀", "\u2800", "\u00a0", "\ufffd", "</", "<<")
BYTES = (b"\x80", b"\xff", b"\xc0\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00")


def mutated_reply(draw: random.Random) -> bytes:
    """Return a well-formed reply after none to three mutations."""
    text = reply(draw).encode()
    for _ in range(draw.randrange(4)):
        text = draw.choice((_delete, _repeat, _insert, _insert_bytes, _replace, _cut))(text, draw)
    return text


def reply(draw: random.Random) -> str:
    """Return a reply in the format, but for an answer that may be blank."""
    blocks = "".join(_block(draw) for _ in range(draw.choice((1, 1, 1, 2))))
    return f"{blocks}<output>{_text(draw)}</output>"


def _block(draw: random.Random) -> str:
    reflections = "".join(
        f"<reflection>{_text(draw)}</reflection>{_text(draw)}" for _ in range(draw.randrange(3))
    )
    blank = "".join(draw.choices(" \n\t", k=draw.choice((0, 1, 1, 8, 9))))
    return f"<thinking>{_text(draw)}{reflections}</thinking>{blank}"


def _text(draw: random.Random) -> str:
    """Return words, and beginnings of tags that do not become tags."""
    halves = [tag[:-1] + draw.choice(("", " ", "<", "s>")) for tag in draw.choices(TAGS, k=2)]
    return "".join(draw.choices((*WORDS, *halves), k=draw.randrange(4)))


def _at(text: bytes, draw: random.Random) -> int:
    return draw.randrange(len(text) + 1)


def _delete(text: bytes, draw: random.Random) -> bytes:
    start = _at(text, draw)
    return text[:start] + text[start + draw.randrange(1, 8) :]


def _repeat(text: bytes, draw: random.Random) -> bytes:
    start, length = _at(text, draw), draw.randrange(1, 24)
    return text[: start + length] + text[start:]


def _insert(text: bytes, draw: random.Random) -> bytes:
    at, tag = _at(text, draw), draw.choice((*TAGS, *WORDS)).encode()
    return text[:at] + tag[: draw.choice((len(tag), 3))] + text[at:]


def _insert_bytes(text: bytes, draw: random.Random) -> bytes:
    at = _at(text, draw)
    return text[:at] + draw.choice(BYTES) + text[at:]


def _replace(text: bytes, draw: random.Random) -> bytes:
    at = _at(text, draw)
    return text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :]


def _cut(text: bytes, draw: random.Random) -> bytes:
    return text[: _at(text, draw)]
