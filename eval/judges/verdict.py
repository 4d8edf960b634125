"""What a judge's reply says: grades from 1 to 10, read from its own last line or from its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LOWEST, HIGHEST = 1, 10
MAX_LINE = 100  # characters of a line of grades
Grades = tuple[int, ...]
_GRADE = r"(10|[1-9])"
_THINKING = re.compile(r"\s*<(thinking|think)>")
_OUTPUT_TAG = re.compile(r"^\s*<output>|</output>\s*$")
_OPENING, _CLOSING = "*_`#> \t\r", "*_`. \t\r"  # of Markdown


@dataclass(frozen=True, slots=True)
class VerdictForm:
    """The form of a verdict: how many grades it holds and under which names; constant.

    line: a pattern of the whole last line, one group a grade
    example: that line as it is asked for
    """

    names: tuple[str, ...]
    line: re.Pattern[str]
    example: str

    def read(self, text: str) -> Grades | None:
        """Return the grades, or None where the reply does not state them in its own last line."""
        stated = _stated(text)
        return self._read_json(stated) or self._read_line(stated)

    def _read_line(self, text: str) -> Grades | None:
        last = text.rpartition("\n")[2].lstrip(_OPENING).rstrip(_CLOSING)
        found = self.line.fullmatch(last) if len(last) <= MAX_LINE else None
        return tuple(map(int, found.groups())) if found else None

    def _read_json(self, text: str) -> Grades | None:
        if not text.startswith("{"):
            return None
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or set(data) != set(self.names):
            return None
        grades = [data[name] for name in self.names]
        return tuple(grades) if all(map(_is_grade, grades)) else None

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema, for judges that can be held to one."""
        grade = {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))}
        return {
            "type": "object",
            "properties": dict.fromkeys(self.names, grade),
            "required": list(self.names),
            "additionalProperties": False,
        }

    @property
    def json_example(self) -> str:
        """The JSON form as it is asked for."""
        return "{" + ", ".join(f'"{name}": <grade>' for name in self.names) + "}"


def _stated(text: str) -> str:
    """Return the reply without its thoughts; nothing of one that ends in them.

    Tags count only where they frame the whole reply: a judge may quote an answer that holds some.
    """
    thinking = _THINKING.match(text)
    if thinking:
        _, closing, text = text.rpartition(f"</{thinking[1]}>")
        if not closing:
            return ""
    return _OUTPUT_TAG.sub("", text).strip()


def _is_grade(value: Any) -> bool:
    return type(value) is int and LOWEST <= value <= HIGHEST


def _line(*labels: str, head: str) -> re.Pattern[str]:
    grades = r"[,;\s]+".join(rf"{label}\s*[=:]?\s*{_GRADE}(?:/10)?" for label in labels)
    return re.compile(rf"{head}\s*:?[\s*_`]*{grades}", re.IGNORECASE)


def form(names: Sequence[str], line: re.Pattern[str], example: str) -> VerdictForm:
    """Return a form."""
    return VerdictForm(tuple(names), line, example)


PAIR = form(("A", "B"), _line("A", "B", head="Scores"), "Scores: A=<grade> B=<grade>")
RATING = form(("rating",), _line("", head="Rating"), "Rating: <grade>")
