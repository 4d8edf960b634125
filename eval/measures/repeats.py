"""Several answers to one question: pass@k, the majority's answer, how often answers flip.

pass@k: M. Chen et al., "Evaluating large language models trained on code" (2021), equation 1.
maj@k: X. Wang et al., "Self-consistency improves chain of thought reasoning" (2022).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

from estimates.means import mean
from eval.sample import Sample


def pass_at(k: int, n: int, c: int) -> float:
    """Return the chance that k of n answers, c of them right, hold a right one."""
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def majority(samples: Sequence[Sample]) -> float:
    """Return what the commonest answer is worth: no answer never wins, of equals the first does."""
    answered = [
        (sample.score.extracted, sample.value)
        for sample in samples
        if sample.score is not None and sample.score.extracted is not None
    ]
    if not answered:
        return 0.0
    counts = Counter(answer for answer, _ in answered)
    winner, _ = counts.most_common(1)[0]  # of equal counts the one that was met first
    return next(value for answer, value in answered if answer == winner)


def flip_rate(outcomes: Sequence[Hashable]) -> float:
    """Return the chance that two of the outcomes differ."""
    pairs = list(combinations(outcomes, 2))
    return mean([float(first != second) for first, second in pairs])


def figures(samples: Sequence[Sample], *, is_judged: bool = False) -> dict[str, Any] | None:
    """Return what repeated answers tell; None where every question was asked once.

    Questions with fewer answers than the others (a run that was stopped) are left out. Judged
    answers are not right or wrong: no pass@k. Where nothing was extracted (IFEval), there are no
    equal answers: no majority.
    """
    answers: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.epoch):
        answers.setdefault(sample.id, []).append(sample)
    epochs = max(map(len, answers.values()), default=0)
    if epochs < 2:
        return None
    full = [ones for ones in answers.values() if len(ones) == epochs]
    right = [sum(sample.value == 1 for sample in ones) for ones in full]
    has_answers = any(_answer(sample) is not None for sample in samples)
    pass_ks = [] if is_judged else _powers(epochs)
    majority_ks = _powers(epochs) if has_answers else []
    answer_flips = [flip_rate(list(map(_answer, ones))) for ones in full]
    return {
        "epochs": epochs,
        "questions": len(full),
        "pass": {str(k): mean([pass_at(k, epochs, c) for c in right]) for k in pass_ks},
        "majority": {str(k): mean([majority(ones[:k]) for ones in full]) for k in majority_ks},
        "flip_rate": mean([flip_rate([sample.value for sample in ones]) for ones in full]),
        "answer_flip_rate": mean(answer_flips) if has_answers else None,
    }


def _answer(sample: Sample) -> str | None:
    return sample.score.extracted if sample.score else None


def _powers(epochs: int) -> list[int]:
    """Return 1, 2, 4, ... and the number of epochs itself."""
    powers = [2**i for i in range(epochs.bit_length()) if 2**i < epochs]
    return [*powers, epochs]
