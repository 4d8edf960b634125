"""Checkpoint: the state of a training run as one file, replaced atomically.

The file is whole, the former one or the new, after a kill at any instant: write beside it, fsync,
rename.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from files.whole import write_whole


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state so that a crash leaves the former checkpoint intact."""
    buffer = io.BytesIO()  # torch writing to a full disk complains of positions, not of the disk
    torch.save(state, buffer)
    write_whole(path, buffer.getvalue(), is_synced=True)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the last state that was saved, None if there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state
