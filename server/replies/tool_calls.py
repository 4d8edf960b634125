"""ToolCallParser: an answer that may be tool calls, as it arrives: text, or calls piece by piece.

The form is the one that decoding.schemas.json_tool_call enforces, {"name": ..., "parameters":
{...}}, with a semicolon between calls. The arguments of a call, for a client, are the JSON of its
parameters as the model wrote it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from decoding.grammars.dfa import Dfa
from server.errors import EngineError

BLANKS = " \t\n\r"
PARAMETERS = re.compile(r'[ \t\n\r]*,[ \t\n\r]*"parameters"[ \t\n\r]*:[ \t\n\r]*')
IN_STRING = re.compile(r'["\\]')
OUTSIDE = re.compile(r'["{}]')


@dataclass(frozen=True, slots=True)
class CallPiece:
    """More of a call, by its number: first its id and name, then its arguments."""

    call: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None


Step: TypeAlias = tuple[int, str | CallPiece | None]
"""How far the text was read, and what that adds."""


class _Place(Enum):
    HEAD = auto()  # where a call may begin; before the first one, text may too
    TEXT = auto()
    BEFORE_ARGUMENTS = auto()
    ARGUMENTS = auto()
    AFTER_ARGUMENTS = auto()
    AFTER_CALL = auto()


def new_call_id() -> str:
    """Make the id of a call, which the client's result will name."""
    return f"call_{secrets.token_hex(12)}"


class ToolCallParser:
    """Tells text from calls; one per choice.

    Law: what is passed on in total, but for the ids, does not depend on how the answer was cut. An
    answer that begins with a call's head is calls and nothing of it is text; of any other all is
    text, held back only as long as it may still become a head. What is neither, which no
    enforced answer is, raises EngineError.
    """

    def __init__(
        self, heads: Dfa, *, needs_call: bool = False, new_id: Callable[[], str] = new_call_id
    ) -> None:
        """Stand before the answer; `needs_call` where it must not be text."""
        self._heads = heads
        self._needs_call = needs_call
        self._new_id = new_id
        self._place = _Place.HEAD
        self._state = 0
        self._held = ""
        self._depth = 0
        self._is_in_string = False
        self._is_escaped = False
        self.num_calls = 0

    @property
    def is_whole(self) -> bool:
        """Whether the answer may end here, once it is flushed."""
        return self._place in (_Place.TEXT, _Place.AFTER_CALL)

    def feed(self, text: str) -> list[str | CallPiece]:
        """Take more of the answer; return what it adds to the text, or to the calls."""
        pieces: list[str | CallPiece] = []
        at = 0
        while at < len(text):
            at, piece = self._STEPS[self._place](self, text, at)
            if piece:
                pieces.append(piece)
        return pieces

    def flush(self) -> str:
        """Return what is held back, at the end of the answer: it has become no call."""
        if self._place is _Place.HEAD and not self.num_calls:
            self._begin_text()
        held, self._held = self._held, ""
        return held if self._place is _Place.TEXT else ""

    def _begin_text(self) -> None:
        if self.num_calls or self._needs_call:
            raise _broken()
        self._place = _Place.TEXT

    def _read_head(self, text: str, at: int) -> Step:
        for end in range(at, len(text)):
            if self.num_calls and not self._state and text[end] in BLANKS:
                continue
            self._state = self._heads.walk(text[end].encode(), self._state)
            if self._state == self._heads.num_states:
                self._begin_text()
                held, self._held = self._held, ""
                return end + 1, held + text[at : end + 1]
            if self._heads.accepting[self._state]:
                return end + 1, self._begin_call(self._held + text[at : end + 1])
        self._held += text[at:]
        return len(text), None

    def _begin_call(self, head: str) -> CallPiece:
        self._place, self._state, self._held = _Place.BEFORE_ARGUMENTS, 0, ""
        self.num_calls += 1
        name = json.loads(f"{head}}}")["name"]
        return CallPiece(self.num_calls - 1, id=self._new_id(), name=name)

    def _read_text(self, text: str, at: int) -> Step:
        return len(text), text[at:]

    def _read_before_arguments(self, text: str, at: int) -> Step:
        start = text.find("{", at)
        self._held += text[at:] if start < 0 else text[at:start]
        if start < 0:
            return len(text), None
        if not PARAMETERS.fullmatch(self._held):
            raise _broken()
        self._place, self._held = _Place.ARGUMENTS, ""
        return start, None

    def _read_arguments(self, text: str, at: int) -> Step:
        end = self._end_of_arguments(text, at)
        return end, CallPiece(self.num_calls - 1, text[at:end])

    def _end_of_arguments(self, text: str, at: int) -> int:
        """Return where the arguments end in the text, or where the text does."""
        while at < len(text):
            if self._is_escaped:
                self._is_escaped = False
                at += 1
                continue
            found = (IN_STRING if self._is_in_string else OUTSIDE).search(text, at)
            if found is None:
                return len(text)
            at = found.end()
            match found.group():
                case '"':
                    self._is_in_string = not self._is_in_string
                case "\\":
                    self._is_escaped = True
                case "{":
                    self._depth += 1
                case "}":
                    self._depth -= 1
                    if not self._depth:
                        self._place = _Place.AFTER_ARGUMENTS
                        return at
        return at

    def _read_after(self, text: str, at: int) -> Step:
        is_open = self._place is _Place.AFTER_ARGUMENTS
        if text[at] not in BLANKS:
            if text[at] != ("}" if is_open else ";"):
                raise _broken()
            self._place = _Place.AFTER_CALL if is_open else _Place.HEAD
        return at + 1, None

    _STEPS = {  # noqa: RUF012  (never changed)
        _Place.HEAD: _read_head,
        _Place.TEXT: _read_text,
        _Place.BEFORE_ARGUMENTS: _read_before_arguments,
        _Place.ARGUMENTS: _read_arguments,
        _Place.AFTER_ARGUMENTS: _read_after,
        _Place.AFTER_CALL: _read_after,
    }


def _broken() -> EngineError:
    return EngineError("The reply was not complete.", code="incomplete")
