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


def test_logits_beyond_the_range_of_exp_have_a_loss() -> None:
    weight = torch.tensor([[1000.0], [-1000.0]])
    nll = target_nll(torch.ones((2, 1)), weight, None, torch.tensor([0, 1]), 8)
    assert nll.tolist() == [0.0, 2000.0]
