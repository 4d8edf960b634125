"""A passage: the text between two tags as it arrives, trimmed and decoded."""

from __future__ import annotations

from codecs import utf_8_decode
from typing import Literal

from decoding.format import BLANK

Trim = Literal["newline", "strip", "none"]

_BLANK = BLANK.encode()


class Passage:
    """Bytes between two tags in, text out; one per passage, never reused.

    Law: the concatenation of what `write` and `close` return does not depend on the split. Held
    back are an incomplete character and the blanks that trim drops if a tag comes next; a wrong
    byte becomes U+FFFD. `start` and `end` bound the delivered bytes, counted from the passage's
    first; nothing is delivered while `end <= start`.
    """

    __slots__ = ("_blanks", "_character", "_is_leading", "_size", "_trim", "end", "start")

    def __init__(self, trim: Trim) -> None:
        self._trim = trim
        self._is_leading = trim != "none"  # neither text nor the leading newline came yet
        self._character = b""
        self._blanks = bytearray()
        self._size = 0
        self.start = self.end = 0

    def write(self, data: bytes) -> str:
        """Return the text that these bytes settle."""
        self._size += len(data)
        if self._trim == "none":
            return self._decode(data, self._size)
        if self._trim == "strip" and not data.strip(_BLANK):
            self._blanks += data  # not joined with the earlier ones: linear in a long run
            return ""
        if self._blanks:
            data = bytes(self._blanks) + data
            self._blanks.clear()
        if self._is_leading:
            data = self._drop_leading(data)
        cut = len(data.rstrip(_BLANK)) if self._trim == "strip" else _newline_at_end(data)
        if cut < len(data):
            self._blanks += data[cut:]
            data = data[:cut]
        return self._decode(data, self._size - len(self._blanks))

    def close(self, *, is_at_tag: bool) -> str:
        """Return the rest, at a tag without the blanks that are format, else with them.

        A stripped passage ends without blanks either way.
        """
        is_text = self._trim == "newline" and not (is_at_tag and self._blanks.endswith(b"\n"))
        rest = bytes(self._blanks) if is_text else b""
        return self._decode(rest, self._size - len(self._blanks) + len(rest), is_last=True)

    def _drop_leading(self, data: bytes) -> bytes:
        if self._trim == "strip":
            data = data.lstrip(_BLANK)
            self._is_leading = False
        elif data.startswith((b"\n", b"\r\n")):
            data = data[data.index(b"\n") + 1 :]
            self._is_leading = False
        else:
            self._is_leading = data in (b"", b"\r")
        self.start = self._size - len(data)
        return data

    def _decode(self, data: bytes, end: int, *, is_last: bool = False) -> str:
        if self._character:
            data = self._character + data
        if not data:
            return ""
        text, used = utf_8_decode(data, "replace", is_last)
        self._character = data[used:]
        self.end = end - len(self._character)
        return text


def _newline_at_end(data: bytes) -> int:
    """Return where the newline that ends these bytes begins, if only by a carriage return."""
    stop = len(data) - data.endswith(b"\n")
    return stop - data.endswith(b"\r", 0, stop)
