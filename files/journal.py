"""Journal: JSON lines that only grow, in one file that one process at a time may extend."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from files.errors import JournalError
from files.lock import Lock
from files.whole import sync


class Journal:
    """A file of JSON objects, a line each; safe against being killed at any moment.

    A line is written by one call, so that a kill leaves whole lines and at most one torn one at
    the end, which readers skip and the next writer cuts off. A context manager for writing: it
    holds a lock on `<file>.lock`, which ends with the process however that ends.

    sync_s: while lines are appended, about so often, and at the end, what is there is made to
        outlive a crash of the machine too; None leaves that to the system
    """

    def __init__(self, path: Path, sync_s: float | None = None) -> None:
        self.path = path
        self._file, self._lock = -1, Lock(path.with_name(f"{path.name}.lock"))
        self._sync_s, self._synced_at_s = sync_s, -math.inf

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the lines in the order of writing; none where there is no file."""
        return (line for _, line in self.places())

    def places(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each line after its place, the byte where it begins, for `at`."""
        if not self.path.exists():
            return
        place = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield place, self._parse(f"line {number}", line)
                place += len(line)

    def at(self, place: int) -> dict[str, Any]:
        """Return the line that begins at a place, so that nobody need hold them all in memory."""
        with self.path.open("rb") as file:
            file.seek(place)
            return self._parse(f"byte {place}", file.readline())

    def _parse(self, where: str, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise JournalError(f"{self.path}, {where}: not JSON ({error})") from error
        if not isinstance(value, dict):
            raise JournalError(f"{self.path}, {where}: a JSON object was expected")
        return value

    def __enter__(self) -> Self:
        """Lock it, cut off a torn line, open it; LockError where another process writes it."""
        self._lock.__enter__()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o644)
        _cut_torn_line(self._file)
        if self._sync_s is not None:
            sync(self.path.parent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sync_s is not None:
            os.fdatasync(self._file)
        os.close(self._file)
        self._lock.__exit__(kind, error, trace)
        self._file = -1

    def append(self, value: Mapping[str, Any]) -> int:
        """Write one line, whole or not at all, and return its place; inside `with` only."""
        place = os.lseek(self._file, 0, os.SEEK_END)
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        written = 0
        try:
            while written < len(line):  # again after a part: a huge line, a disk that is full now
                written += os.write(self._file, line[written:])
        except OSError:
            os.ftruncate(self._file, place)
            raise
        self._sync_if_due()
        return place

    def _sync_if_due(self) -> None:
        now_s = time.monotonic()
        if self._sync_s is not None and now_s - self._synced_at_s >= self._sync_s:
            os.fdatasync(self._file)
            self._synced_at_s = now_s


def _cut_torn_line(file: int) -> None:
    """Shorten the file to the end of its last whole line."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(0, end - 65536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
