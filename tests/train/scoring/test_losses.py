import pytest
import torch

from train.scoring.losses import logits_nll, target_nll


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
@pytest.mark.parametrize("has_bias", [False, True])
def test_blocks_of_the_vocabulary_give_the_loss_of_all_logits(chunk: int, has_bias: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn((7, 2), generator=draw)
    weight = 3 * torch.randn((600_001, 2), generator=draw)
    bias = torch.randn(600_001, generator=draw) if has_bias else None
    targets = torch.randint(0, 600_001, (7,), generator=draw)
    logits = hidden @ weight.T + (0 if bias is None else bias)
    wanted = torch.nn.functional.cross_entropy(logits.double(), targets, reduction="none").float()
    assert torch.allclose(target_nll(hidden, weight, bias, targets, chunk), wanted, atol=1e-5)
    assert torch.allclose(logits_nll(logits, targets, chunk), wanted, atol=1e-5)


def test_the_rounding_of_a_half_precision_head_is_in_both_terms() -> None:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn((64, 32), generator=draw).bfloat16()
    weight = torch.randn((1000, 32), generator=draw).bfloat16()
    targets = torch.randint(0, 1000, (64,), generator=draw)
    logits = hidden @ weight.T
    wanted = logits_nll(logits, targets, 64)
    assert torch.allclose(target_nll(hidden, weight, None, targets, 64), wanted, atol=1e-5)


def test_a_certain_target_has_no_loss_in_half_precision() -> None:
    hidden, weight = torch.full((1, 3), 3.3).bfloat16(), torch.eye(2, 3).bfloat16()
    weight[0] = 10.1
    assert target_nll(hidden, weight, None, torch.tensor([0]), 8).tolist() == [0.0]


def test_logits_beyond_the_range_of_exp_have_a_loss() -> None:
    weight = torch.tensor([[1000.0], [-1000.0]])
    nll = target_nll(torch.ones((2, 1)), weight, None, torch.tensor([0, 1]), 8)
    assert nll.tolist() == [0.0, 2000.0]
