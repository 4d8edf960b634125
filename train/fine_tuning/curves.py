"""Curves: what a run tells of itself while it goes, to a file, to TensorBoard and to the terminal.

`tuning/curves.jsonl` has a line of figures every few steps; where a run was killed and went on, a
step may stand there twice, and its last line counts.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm
from transformers import TrainerCallback

from files.journal import Journal
from train.run_folder import CURVES

SHOWN = ("loss", "holdout_loss", "lr", "grad_norm", "loss_share", "tokens_per_s")
SHOWN_BY_KIND = ("loss/", "masked_loss/")
NAMES = {"learning_rate": "lr", "eval_loss": "holdout_loss"}
DROPPED = ("entropy", "mean_token_accuracy", "num_tokens", "total_flos")  # means of means


class Curves(TrainerCallback):
    """Writes for one run, in one process; a context manager that closes all it has opened."""

    def __init__(self, folder: Path, epochs: float, *, is_silent: bool = False) -> None:
        self.folder, self.epochs, self.is_silent = folder, epochs, is_silent
        self._journal = Journal(folder / CURVES)
        self._writer: Any = None
        self._bar: Any = None
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._journal.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for opened in (self._writer, self._bar):
            if opened is not None:
                opened.close()
        self._journal.__exit__(kind, error, trace)

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Open TensorBoard's file; what a killed run has told beyond its checkpoint is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder), purge_step=state.global_step + 1)
        self._bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            unit="step",
            disable=self.is_silent,
            mininterval=1,
        )

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Move the bar."""
        self._bar.update(state.global_step - self._bar.n)

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Write the figures of the steps since the last time."""
        figures = {NAMES.get(name, name): value for name, value in (logs or {}).items()}
        figures = {
            name: float(value)
            for name, value in figures.items()
            if name not in DROPPED and not name.startswith(("train_", "eval_"))
        }
        if "loss" not in figures and "holdout_loss" not in figures:
            return  # the summary at the end
        figures["epoch"] = (state.epoch or 0.0) * self.epochs
        self._journal.append({"step": state.global_step, **figures})
        for name, value in figures.items():
            self._writer.add_scalar(name, value, state.global_step)
        self._writer.flush()
        self._shown |= {
            name: f"{value:.3g}"
            for name, value in figures.items()
            if name in SHOWN or name.startswith(SHOWN_BY_KIND)
        }
        self._bar.set_postfix(self._shown, refresh=False)
