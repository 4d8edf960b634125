"""Checkpoints: folders that are there whole or not at all, and what a run must be to go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from files.whole import sync, sync_all, write_whole
from train.errors import TrainError

IDENTITY = "identity.json"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run of tuning, `folder/checkpoint-<step>`; the last `keep` stay.

    identity: hashes of what the weights depend on, by name; written beside every checkpoint
    """

    folder: Path
    identity: Mapping[str, str]
    keep: int

    @property
    def partial(self) -> Path:
        """Where a checkpoint grows, and one that is deleted goes first; worth nothing."""
        return self.folder / ".partial"

    def all(self) -> list[Path]:
        """Return the whole ones, the last one first."""
        return sorted(self.folder.glob("checkpoint-*"), key=_step, reverse=True)

    def last(self, *, is_forced: bool = False) -> Path | None:
        """Return where to go on, None at the start; TrainError if it is of another run."""
        found = next(iter(self.all()), None)
        if found is not None and not is_forced:
            former = json.loads((found / IDENTITY).read_text(encoding="utf-8"))
            differs = [name for name, value in self.identity.items() if former.get(name) != value]
            if differs:
                raise TrainError(
                    f"{found} was made with other {', '.join(differs)}: --restart tunes from the "
                    "beginning, --force goes on from it all the same"
                )
        return found

    def clear(self) -> None:
        """Remove what a killed process has left half written."""
        shutil.rmtree(self.partial, ignore_errors=True)

    def remove(self) -> None:
        """Remove all of them."""
        for checkpoint in self.all():
            self._delete(checkpoint)

    def place(self, step: int) -> None:
        """Put the checkpoint that has grown in `partial` in its place, then delete old ones."""
        grown = self.partial / f"checkpoint-{step}"
        write_whole(grown / IDENTITY, json.dumps(dict(self.identity), indent=1, sort_keys=True))
        sync_all(grown)
        target = self.folder / grown.name
        if target.exists():
            self._delete(target)
        grown.replace(target)
        sync(self.folder)
        for old in self.all()[self.keep :]:
            self._delete(old)

    def _delete(self, checkpoint: Path) -> None:
        self.partial.mkdir(exist_ok=True)
        gone = self.partial / f"{checkpoint.name}.deleted"
        shutil.rmtree(gone, ignore_errors=True)
        checkpoint.replace(gone)  # at once: half a checkpoint must not look like one
        shutil.rmtree(gone)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
