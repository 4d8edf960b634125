"""Checkpoint: the state of a training run as one file, replaced atomically.

The file is whole, the former one or the new, after a kill at any instant: write beside it, fsync,
rename.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state so that a crash leaves the former checkpoint intact."""
    buffer = io.BytesIO()  # torch writing to a full disk complains of positions, not of the disk
    torch.save(state, buffer)
    replace_file(path, buffer.getvalue())


def replace_file(path: Path, content: bytes) -> None:
    """Write the whole file or leave the former one; an OSError names it and leaves nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the last state that was saved, None if there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state
