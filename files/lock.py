"""Lock: a file that one process at a time holds, until it lets go or ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from files.errors import LockError


class Lock:
    """A context manager; LockError where another process holds the file, which may stay behind."""

    def __init__(self, file: Path) -> None:
        self._path, self._file = file, -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # lockf, not flock: a worker process that is forked off must not inherit it
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise LockError(f"{self._path.parent} is being written by another process") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
        self._file = -1
