"""Files written whole: after a kill at any instant there is the former one or the new."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, content: str | bytes, *, is_synced: bool = False) -> None:
    """Write the file at once or not at all; text as UTF-8.

    is_synced: outlive a crash of the machine too (fsync of file and folder). An OSError names the
    file and leaves nothing else behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("wb") as opened:
            opened.write(content.encode() if isinstance(content, str) else content)
            if is_synced:
                opened.flush()
                os.fsync(opened.fileno())
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error
    if is_synced:
        _sync(file.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
