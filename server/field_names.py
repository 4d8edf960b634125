"""FieldNames: what the fields of a chat completion are called in another API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from server.errors import ServerError

QUOTED = re.compile(r"'([a-z][\w.\[\]]*)'")
LIMIT = re.compile(r"\bmax_(completion_)?tokens\b")


class FieldNames:
    """Translates errors back into the words of the client; one per API, immutable."""

    def __init__(self, names: Mapping[str, str], limit: str) -> None:
        """Take patterns of paths with their replacements, and the name of the most tokens.

        The first pattern that a path begins with counts.
        """
        self._names = [(re.compile(rf"{old}(?!\w)"), new) for old, new in names.items()]
        self._limit = limit

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let errors of a chat completion out in the client's words."""
        try:
            yield
        except ServerError as error:
            raise self.translate(error) from error.__cause__

    def translate(self, error: ServerError) -> ServerError:
        """Name the fields in an error of a chat completion as they are called here; changes it."""
        if error.param is not None:
            error.param = self._rename(error.param)
        message = QUOTED.sub(lambda match: f"'{self._rename(match[1])}'", error.message)
        error.message = LIMIT.sub(self._limit, message)
        return error

    def _rename(self, name: str) -> str:
        for old, new in self._names:
            if match := old.match(name):
                return match.expand(new) + name[match.end() :]
        return name
