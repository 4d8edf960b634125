"""Comparison: the figures of all runs, and what of their differences is more than chance.

Two questions, a test of each. On these puzzles: the mean over seeds of each puzzle, paired (signs
drawn at random, one for all wordings of a puzzle). With other seeds: the differences of the seeds,
paired t. Holm's correction over all comparisons of either.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from estimates.means import mean
from estimates.paired import pair
from estimates.power import holm
from train.evidence.arms import ARMS, MIXED, REFLECTING, THINKING, find, thinking_of
from train.evidence.curves import curves_of
from train.evidence.figures import Runs, asked, figures_of, pooled
from train.evidence.votes import CHOICES, chosen, mean_tokens

Results = Mapping[str, Runs]
ROUNDING = 1e-9
PAIRS = (
    *((thinking_of(arm.name), arm.name) for arm in ARMS if arm.name != thinking_of(arm.name)),
    ("unmasked", REFLECTING),
    ("attempts masked", REFLECTING),
    ("prefix masked", REFLECTING),
    (REFLECTING, "continued"),
    ("same puzzles", "own mistakes"),
    ("continued", "LoRA"),
)


def compare_arms(results: Results) -> dict[str, Any]:
    """Return all figures in JSON form."""
    pairs = [(a, b) for a, b in PAIRS if a in results and b in results]
    differences = [{"first": a, "second": b, **_against(results[a], results[b])} for a, b in pairs]
    _adjust(differences)
    reflecting = [
        name for name in results if find(name).can_reflect and thinking_of(name) in results
    ]
    return {
        "arms": {name: figures_of(runs) for name, runs in results.items()},
        "differences": differences,
        "equal_inference": {
            name: _equal_inference(results[thinking_of(name)], results[name]) for name in reflecting
        },
        "word_problems": {split: _words(results, split) for split in ("fresh", "numbers")},
        "curves": {name: curves_of(name, runs) for name, runs in results.items()},
    }


def _words(results: Results, split: str) -> dict[str, Any]:
    """Compare the two mixed arms on word problems; nothing where one is missing."""
    arms = [results.get(f"{style}, {MIXED}", {}) for style in (THINKING, REFLECTING)]
    rows = {
        seed: (arms[0][seed]["word_problems"][split]["right"],
               arms[1][seed]["word_problems"][split]["right"])
        for seed in sorted(set(arms[0]) & set(arms[1]))
    }  # fmt: skip
    if not rows:
        return {}
    sides = zip(*rows.values(), strict=True)
    each = range(len(next(iter(rows.values()))[0]))
    thinking, reflecting = (pooled(side, each).to_dict() for side in sides)
    return {"thinking": thinking, "reflecting": reflecting, **_paired(rows, each)}


def _against(first: Runs, second: Runs) -> dict[str, Any]:
    """Compare two arms on the seeds that both have."""
    seeds = sorted(set(first) & set(second))
    rows = {
        seed: (first[seed]["tries"][0]["right"], second[seed]["tries"][0]["right"])
        for seed in seeds
    }
    return _paired(rows, asked(first))


def _paired(
    rows: Mapping[int, tuple[Sequence[int], Sequence[int]]], clusters: Sequence[Hashable]
) -> dict[str, Any]:
    """Compare by seed, over puzzles and over seeds; rows: for each seed the two lists of right.

    clusters: what each puzzle goes together with
    """
    by_seed = {seed: pair(*rows[seed], clusters=clusters) for seed in rows}
    differences = [one.difference.value for one in by_seed.values()]
    first, second = (
        [mean(column) for column in zip(*side, strict=True)]
        for side in zip(*rows.values(), strict=True)
    )
    together = pair(first, second, clusters=clusters)
    return {
        "difference": together.difference.to_dict(),
        "p_puzzles": together.p,
        "p_seeds": _p_of_seeds(differences),
        "by_seed": {
            seed: {"b": one.b, "c": one.c, "difference": one.difference.value, "p": one.p}
            for seed, one in by_seed.items()
        },
    }


def _p_of_seeds(differences: Sequence[float]) -> float | None:
    """Return the two-sided p of a paired t test; None where seeds do not differ or are too few."""
    if len(differences) < 2 or max(differences) - min(differences) < ROUNDING:
        return None
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)


def _adjust(compared: Sequence[dict[str, Any]]) -> None:
    for name in ("p_puzzles", "p_seeds"):
        known = [one for one in compared if one[name] is not None]
        for one, p in zip(known, holm([one[name] for one in known]), strict=True):
            one[f"{name}_holm"] = p


def _equal_inference(thinking: Runs, runs: Runs) -> dict[str, Any]:
    """Give thinking at least the tokens of this arm, rounded up to whole answers, and choose."""
    seeds = sorted(set(thinking) & set(runs))
    ours = mean([mean(runs[seed]["tries"][0]["tokens"]) for seed in seeds])
    theirs = mean([mean(thinking[seed]["tries"][0]["tokens"]) for seed in seeds])
    k = min(math.ceil(ours / theirs), len(thinking[seeds[0]]["tries"]))
    found: dict[str, Any] = {
        "tokens": ours,
        "k": k,
        "tokens_of_k": mean([mean_tokens(thinking[seed]["tries"][:k]) for seed in seeds]),
    }
    for choice in CHOICES:
        rows = {
            seed: (chosen(thinking[seed]["tries"][:k], choice), runs[seed]["tries"][0]["right"])
            for seed in seeds
        }
        right = pooled([row[0] for row in rows.values()], asked(runs)).to_dict()
        found[choice] = {"right": right, **_paired(rows, asked(runs))}
    return found
