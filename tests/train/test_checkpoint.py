from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from train.checkpoint import load_checkpoint, save_checkpoint


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"step": 3, "weights": torch.arange(4)})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3
    assert state["weights"].equal(torch.arange(4))


def test_a_crash_while_saving_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def crash(state: dict[str, int], file: BinaryIO) -> None:
        file.write(b"half a checkp")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert load_checkpoint(path) == {"step": 1}
