from types import SimpleNamespace
from typing import Any

import pytest
import torch

from train.building.dataset import KINDS
from train.fine_tuning.meter import Meter


class Alone:
    """An accelerator of one process."""

    def reduce(self, figures: Any, reduction: str) -> Any:
        assert reduction == "sum"
        return figures


def observed() -> Meter:
    meter = Meter(torch.device("cpu"))
    labels = torch.tensor([[-100, 3, -100, 4], [-100, -100, 9, -100]])
    kinds = torch.tensor([[0, 1, 2, 5], [0, 0, 5, 0]])
    log_probs = -torch.tensor([[1.0, 99.0, 2.0], [99.0, 4.0, 99.0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    meter.observe(
        {"labels": labels, "attention_mask": mask}, kinds, SimpleNamespace(log_probs=log_probs)
    )
    return meter


def test_losses_are_means_over_the_trained_tokens_of_a_kind() -> None:
    figures = observed().read(Alone())
    assert figures["loss/think"] == 1.0
    assert figures["loss/output"] == 3.0
    assert "loss/wrong" not in figures
    assert "loss/prompt" not in figures
    assert figures["mean_loss"] == pytest.approx(7 / 3)


def test_shares_are_of_tokens_and_of_positions() -> None:
    figures = observed().read(Alone())
    assert figures["loss_share"] == pytest.approx(3 / 7)
    assert figures["padding_share"] == pytest.approx(1 / 8)
    assert figures["tokens"] == 7


def test_reading_starts_anew() -> None:
    meter = observed()
    meter.read(Alone())
    assert meter.read(Alone()) == {}
    assert len(KINDS) == 6
