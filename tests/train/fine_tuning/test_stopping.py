import os
import signal
from types import SimpleNamespace

import pytest
import torch

from train.fine_tuning.stopping import Stopping

ARGUMENTS = SimpleNamespace(device=torch.device("cpu"))


def step(stopping: Stopping, number: int) -> SimpleNamespace:
    control = SimpleNamespace(should_training_stop=False, should_save=False)
    state = SimpleNamespace(global_step=number, max_steps=10)
    stopping.on_step_end(ARGUMENTS, state, control)
    return control


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(number: signal.Signals) -> None:
    with Stopping(1000) as stopping:
        assert not step(stopping, 1).should_save
        os.kill(os.getpid(), number)
        control = step(stopping, 2)
    assert control.should_save
    assert control.should_training_stop
    assert stopping.is_stopped


def test_a_second_interrupt_stops_at_once() -> None:
    with Stopping(1000) as stopping:
        signal.raise_signal(signal.SIGINT)
        assert stopping.is_asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_former_handlers_come_back() -> None:
    former = signal.getsignal(signal.SIGTERM)
    with Stopping(1000):
        assert signal.getsignal(signal.SIGTERM) != former
    assert signal.getsignal(signal.SIGTERM) == former


def test_a_checkpoint_is_due_when_the_time_has_passed() -> None:
    assert step(Stopping(0), 1).should_save
    assert not step(Stopping(1000), 1).should_save


def test_asked_in_its_last_step_a_run_just_ends() -> None:
    stopping = Stopping(0)
    stopping.is_asked = True
    assert not step(stopping, 10).should_training_stop
    assert not stopping.is_stopped


def test_going_on_forgets_that_the_run_was_stopped() -> None:
    control = SimpleNamespace(should_training_stop=True)
    Stopping(0).on_train_begin(ARGUMENTS, None, control)
    assert not control.should_training_stop
