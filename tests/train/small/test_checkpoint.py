import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from train.small.checkpoint import load_checkpoint, save_checkpoint


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"step": 3, "weights": torch.arange(4)})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3
    assert state["weights"].equal(torch.arange(4))


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """Let the system refuse larger files, as a full disk does: in the middle of the writing."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_full_disk_leaves_the_former_checkpoint_alone_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    with no_file_above(50_000), pytest.raises(OSError, match=r"too large: .*checkpoint\.pt"):
        save_checkpoint(path, {"step": 2, "weights": torch.zeros(100_000)})
    assert load_checkpoint(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]
