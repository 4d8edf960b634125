"""Muon for the matrices, AdamW for embedding and norms.

Muon: Keller Jordan, *Muon: an optimizer for hidden layers*, https://kellerjordan.github.io/posts/muon/
with the update scaled as in *Muon is Scalable for LLM Training*, section 2.2,
https://arxiv.org/abs/2502.16982.  Matrices of one shape are orthogonalised as one batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix update is made orthogonal; for 2-D hidden weights only."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        num_rounds: int = 5,
    ) -> None:
        super().__init__(
            list(params),
            {
                "lr": lr,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "num_rounds": num_rounds,
            },
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply one update to every matrix that has a gradient; a closure is not supported."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}
            for param in group["params"]:
                if param.grad is not None:
                    by_shape.setdefault(tuple(param.shape), []).append((param, param.grad))
            for params in by_shape.values():
                self._update(params, group)

    def _update(self, params: list[tuple[Tensor, Tensor]], group: dict[str, Any]) -> None:
        momentum, lr = group["momentum"], group["lr"]
        ahead = []
        for param, grad in params:
            state = self.state[param]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(param)
            state["momentum"].lerp_(grad, 1 - momentum)
            ahead.append(grad.lerp(state["momentum"], momentum))
        scale = 0.2 * max(params[0][0].shape) ** 0.5
        updates = orthogonalise(torch.stack(ahead), group["num_rounds"])
        for (param, _), update in zip(params, updates, strict=True):
            param.mul_(1 - lr * group["weight_decay"]).add_(update, alpha=-lr * scale)


def orthogonalise(matrices: Tensor, num_rounds: int) -> Tensor:
    """Return the matrices (n, rows, cols) with singular values near 1, by Newton-Schulz rounds."""
    a, b, c = NEWTON_SCHULZ
    is_tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if is_tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(num_rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x


def build_optimizers(
    model: torch.nn.Module, embedding: Tensor, lr: float, adamw_lr: float
) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices and AdamW for the rest; frozen ones are left.

    With adapters AdamW alone, without decay: a row that has no gradient stays as it is.
    """
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if any("lora_" in name for name in params):
        return [torch.optim.AdamW(list(params.values()), lr=adamw_lr, weight_decay=0.0)]
    matrices = [p for p in params.values() if p.ndim == 2 and p is not embedding]
    norms = [p for p in params.values() if p.ndim < 2]
    adamw = torch.optim.AdamW(
        [
            {"params": [embedding], "weight_decay": 0.05},
            {"params": norms, "weight_decay": 0.0},
        ],
        lr=adamw_lr,
        betas=(0.9, 0.98),
        eps=1e-9,
    )
    return [Muon(matrices, lr), adamw]
