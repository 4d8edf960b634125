"""The automata on disk: one file a key in a folder of bounded size, shared by processes."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from decoding import automaton_file
from decoding.automaton import Automaton
from decoding.automaton_file import AutomatonFileError

logger = logging.getLogger(__name__)

VARIABLE = "REFLECT_CACHE"
MAX_BYTES = 256 * 2**20
SUFFIX = ".automaton"
FORGOTTEN_S = 3600.0  # a draft so old was left by a process that died


def default_folder() -> Path | None:
    """Return the folder that REFLECT_CACHE names, or one in the user's cache folder.

    None where the variable is empty, or the user has no home.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "reflection-runtime" / "automata"
    except RuntimeError:
        return None


@contextmanager
def shared_folder() -> Iterator[None]:
    """See to it that this process and those it starts share a folder of automata meanwhile.

    It is the default one; where that is of no use, a private one, which is removed at the end.
    """
    if AutomatonCache.open(default_folder()) is not None:
        yield
        return
    named = os.environ.get(VARIABLE)
    try:
        private = TemporaryDirectory(prefix="reflect-automata-", ignore_cleanup_errors=True)
    except OSError as error:
        logger.warning("each process makes its own automata, no folder can be made: %s", error)
        yield
        return
    with private as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            os.environ |= {} if named is None else {VARIABLE: named}


class AutomatonCache:
    """A folder of automata; one per process and folder, any number of processes.

    Files appear whole, those read longest ago go first, and what cannot be read is made anew: a
    cache never fails its user.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        """Take a folder that exists and can be written to; `open` is the way to get one."""
        self._folder = folder
        self._max_bytes = max_bytes

    @classmethod
    def open(cls, folder: Path | None, max_bytes: int = MAX_BYTES) -> Self | None:
        """Make the folder where it is missing; return None, and log why, if it is of no use."""
        if folder is None:
            return None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                return cls(folder, max_bytes)
            reason = "it cannot be written to"
        except OSError as error:
            reason = str(error)
        logger.warning("automata are not kept in %s: %s", folder, reason)
        return None

    def load(self, key: str) -> Automaton | None:
        """Return the automaton of a key; None where there is none to trust."""
        path = self._path(key)
        try:
            automaton = automaton_file.load(path, key)
        except FileNotFoundError:
            return None
        except (OSError, AutomatonFileError) as error:
            logger.warning("an automaton is made anew: %s", error)
            return None
        self.touch(key)
        return automaton

    def touch(self, key: str) -> None:
        """Note that an automaton is used, in whatever process; another user's file stays as old."""
        with suppress(OSError):
            os.utime(self._path(key))

    def save(self, key: str, automaton: Automaton) -> None:
        """Keep an automaton, and remove the oldest beyond the folder's size."""
        try:
            automaton_file.save(automaton, self._path(key), key)
            self._trim()
        except OSError as error:
            logger.warning("an automaton is not kept: %s", error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"

    def _trim(self) -> None:
        files = []
        for path in self._folder.iterdir():
            with suppress(OSError):  # another process removed it, or it is another user's
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode):
                    continue
                if path.suffix == SUFFIX:
                    files.append((status.st_mtime_ns, status.st_size, path))
                elif path.suffix == ".draft" and status.st_mtime < time.time() - FORGOTTEN_S:
                    path.unlink()
        room = self._max_bytes
        for _, size, path in sorted(files, reverse=True):
            room -= size
            if room < 0:
                with suppress(OSError):
                    path.unlink()
