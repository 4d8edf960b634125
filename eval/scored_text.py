"""The part of a reply in which an answer is looked for: never its thoughts."""

from __future__ import annotations

import re

OUTPUT = re.compile(r"<output>(.*?)(?:</output>|\Z)", re.DOTALL)
END_OF_THINKING = "</thinking>"


def scored_text(content: str) -> str:
    """Return the last output section; without one, what follows the last thinking section.

    An output section that is not closed runs to the end; thinking that is not closed leaves
    nothing.
    """
    after = content.rpartition(END_OF_THINKING)[2]
    raise NotImplementedError(after)


def is_truncated(content: str) -> bool:
    """Whether the reply ends inside its thoughts."""
    raise NotImplementedError(content)
