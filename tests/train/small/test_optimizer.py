import pytest
import torch

from train.small.optimizer import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 8, 24), (2, 24, 8)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalise(matrices, 5))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_one_matrix_is_updated_as_it_would_be_alone() -> None:
    grads = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1))

    def stepped(which: list[int]) -> list[torch.Tensor]:
        params = [torch.nn.Parameter(torch.ones(4, 6)) for _ in which]
        for param, at in zip(params, which, strict=True):
            param.grad = grads[at]
        Muon(params, lr=0.1).step()
        return [param.detach() for param in params]

    together = stepped([0, 1])
    assert torch.allclose(together[0], stepped([0])[0], atol=1e-6)
    assert torch.allclose(together[1], stepped([1])[0], atol=1e-6)


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        Muon([torch.nn.Parameter(torch.ones(2, 2))], lr=0.1).step(lambda: 0.0)
