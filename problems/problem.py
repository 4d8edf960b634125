"""Problem: a question whose answer can be checked exactly."""

from __future__ import annotations

from typing import Any, Protocol

Row = dict[str, Any]


class Problem(Protocol):
    """What every family of problems offers; immutable.

    Laws: `from_row(to_row())` is the problem again, through JSON too; answers with the same
    `canonical` form are both right or both wrong.
    """

    @property
    def prompt(self) -> str:
        """The user's turn."""

    @property
    def gold(self) -> str:
        """The number that is asked for, or has to be reached."""

    @property
    def core(self) -> str:
        """What is left without the words: problems of one core are one in other words."""

    def is_right(self, answer: str) -> bool:
        """Whether the text of the output section answers the question."""

    def canonical(self, answer: str) -> str:
        """Return the answer without what does not matter: blanks, idle brackets."""

    def to_row(self) -> Row:
        """Return the JSON form: all that the checker needs."""
