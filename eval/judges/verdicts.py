"""Verdicts: what judges replied about a run, filed by key so that no reply is paid for twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from client.turn import Failure, Turn
from eval.errors import RunError
from files.journal import Journal

VERDICTS = "verdicts.jsonl"


class Verdicts:
    """The file verdicts.jsonl of a run folder; append-only, the last line of a key wins.

    It may hold the replies of several judges and about several opponents. A failure is filed too,
    for people to read; it is no reply, and the judge is asked again. Writing happens inside `with`.
    """

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / VERDICTS)
        self._replies: dict[str, Turn] = {}
        for number, line in enumerate(self._journal, 1):
            try:
                if line["turn"] is not None:
                    self._replies[line["key"]] = Turn(**line["turn"])
            except (LookupError, TypeError) as error:
                raise RunError(
                    f"{folder / VERDICTS}, line {number}: not a verdict ({error!r})"
                ) from error

    def __len__(self) -> int:
        return len(self._replies)

    def reply(self, key: str) -> Turn | None:
        """Return what a judge replied, or None where it has not."""
        return self._replies.get(key)

    def __enter__(self) -> Self:
        """Take the file for writing."""
        self._journal.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def record(self, key: str, about: Mapping[str, Any], turn: Turn) -> None:
        """File a reply; about: the question's id, the epoch, which of its verdicts."""
        self._journal.append({"key": key, **about, "turn": asdict(turn), "failure": None})
        self._replies[key] = turn

    def record_failure(self, key: str, about: Mapping[str, Any], failure: Failure) -> None:
        """File that there was no reply."""
        self._journal.append({"key": key, **about, "turn": None, "failure": asdict(failure)})
