"""Files written whole: after a kill at any instant there is the former one or the new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_whole(file: Path, content: str | bytes, *, is_synced: bool = False) -> None:
    """Write the file at once or not at all; text as UTF-8; otherwise as `open_whole`."""
    with open_whole(file, is_synced=is_synced) as opened:
        opened.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def open_whole(file: Path, *, is_synced: bool = False) -> Iterator[BinaryIO]:
    """Open a file to write, which takes its name when the block has ended well.

    is_synced: outlive a crash of the machine too (fsync of file and folder). An OSError names the
    file; whatever is raised, nothing else is left behind.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as opened:
            yield opened
            if is_synced:
                opened.flush()
                os.fsync(opened.fileno())
        beside.replace(file)
    except OSError as error:
        if error.filename not in {None, str(beside)}:  # of another file, within the block
            raise
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    if is_synced:
        sync(file.parent)


def sync_all(folder: Path) -> None:
    """Have a folder, and all files and folders below, outlive a crash of the machine."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, outlive a crash of the machine (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
