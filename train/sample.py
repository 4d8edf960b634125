"""Sample: one instruction with its response, as every stage after reading knows it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """An instruction, what it is about, and the response; immutable.

    input: what the instruction applies to; "" where there is nothing
    source: the name of the file it came from; no part of what it is
    """

    instruction: str
    response: str
    input: str = ""
    source: str = ""

    @property
    def question(self) -> str:
        """The instruction and its input as one text, a blank line between."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction

    @property
    def id(self) -> str:
        """Hash the content, normalised (NFC, outer blanks dropped): equal samples are one."""
        parts = [unicodedata.normalize("NFC", part.strip()) for part in self._content]
        text = json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:32]

    @property
    def _content(self) -> tuple[str, str, str]:
        return self.instruction, self.input, self.response
