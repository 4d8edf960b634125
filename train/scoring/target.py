"""Target: a text whose likelihood under a context is asked; Likelihood: the student's answer."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "too_long", "empty", "failed"]


@dataclass(frozen=True, slots=True)
class Target:
    """A text to score after a context; immutable.

    key: what its owner calls it, as "<sample id>/<variant>/<quantity>"
    context: the rendered prompt before it; "" asks for the likelihood of the target alone
    beside: the context that the same target is scored under elsewhere; both keep the same tokens
        of the target, as many as fit behind the longer of the two
    """

    key: str
    context: str
    target: str
    beside: str = ""

    @property
    def sha256(self) -> tuple[str, str]:
        """The hashes of the contexts and of the target, which tell whether a score still holds."""
        return _hash(self.context, self.beside), _hash(self.target)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The sum of the negative log likelihoods of a target's tokens, in nats; never NaN.

    status: ok; too_long (no room for the target behind its context); empty (nothing to score);
        failed (no finite number came out); only ok has a sum
    """

    num_targets: int
    sum_nll: float
    status: Status

    @property
    def mean_nll(self) -> float | None:
        """Nats a token; None unless ok."""
        return self.sum_nll / self.num_targets if self.status == "ok" else None

    @property
    def perplexity(self) -> float | None:
        """Exp of the mean; None unless ok, or where that is no finite number."""
        mean = self.mean_nll
        return None if mean is None else finite_exp(mean)


def finite_exp(power: float) -> float | None:
    """Return e to the power, None where no float holds it."""
    try:
        result = math.exp(power)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def _hash(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8) + content)
    return digest.hexdigest()[:32]
