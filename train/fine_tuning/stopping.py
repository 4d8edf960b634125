"""Stopping: a request to stop is obeyed after the step, with a checkpoint, by all processes."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

import torch
from transformers import TrainerCallback

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping(TrainerCallback):
    """Decides when a checkpoint is due; a context manager that listens to SIGNALS.

    A second Ctrl-C stops at once. `is_stopped`: the run has ended before its last step.
    """

    def __init__(self, save_every_s: float) -> None:
        self.save_every_s = save_every_s
        self.is_asked = self.is_stopped = False
        self._saved_at = time.monotonic()
        self._former: list[Any] = []

    def __enter__(self) -> Self:
        self._former = [signal.signal(number, self._ask) for number in SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in zip(SIGNALS, self._former, strict=True):
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.is_asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.is_asked = True

    def on_train_begin(self, _args: Any, _state: Any, control: Any, **_: Any) -> None:
        """Forget that the run which wrote the checkpoint was asked to stop."""
        control.should_training_stop = False
        self._saved_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop where any process has been asked to, or where it is time to save."""
        is_due = time.monotonic() - self._saved_at >= self.save_every_s
        is_asked, is_due = _any_of_all(self.is_asked, is_due, device=args.device)
        if state.global_step >= state.max_steps:
            return
        self.is_stopped = control.should_training_stop = is_asked
        control.should_save = is_asked or is_due
        if control.should_save:
            self._saved_at = time.monotonic()


def _any_of_all(*flags: bool, device: torch.device) -> list[bool]:
    """Return for each flag whether it is set in any process."""
    if not torch.distributed.is_initialized():
        return list(flags)
    shared = torch.tensor(flags, dtype=torch.int32, device=device)
    torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX)
    return [bool(flag) for flag in shared.tolist()]
