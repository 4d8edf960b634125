"""Comparison: the figures of all runs, and what of their differences is more than chance.

Two questions, an interval and a test of each. With these seeds on other numbers: the mean over
seeds of each puzzle, paired, all puzzles of the same numbers together (drawn with replacement;
signs drawn at random). With other seeds on these numbers: the differences of the seeds, paired t.
What the goals are held against stands alone; all other comparisons are one family, corrected by
Holm, whose size is that of the whole plan, however much of it has been run.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from estimates.means import mean
from estimates.paired import pair
from estimates.power import holm
from train.evidence.arms import (
    ARMS,
    BOTH,
    HALF,
    MIXED,
    REFLECTING,
    SAME_RATE,
    THINKING,
    find,
    thinking_of,
)
from train.evidence.curves import curves_of
from train.evidence.figures import Runs, asked, figures_of, pooled
from train.evidence.seeds import over_seeds, p_over_seeds
from train.evidence.votes import CHOICES, chosen, mean_tokens
from train.evidence.words import SPLITS, words_of

Results = Mapping[str, Runs]
PRIMARY = (THINKING, REFLECTING)
PAIRS = (
    *(
        (thinking_of(arm.name), arm.name)
        for arm in ARMS
        if arm.name not in (thinking_of(arm.name), HALF)
    ),
    (SAME_RATE, REFLECTING),
    ("unmasked", REFLECTING),
    ("attempts masked", REFLECTING),
    ("prefix masked", REFLECTING),
    ("thinking, continued", "continued"),
    ("thinking, continued", "LoRA"),
    ("continued", REFLECTING),
    ("same puzzles", "own mistakes"),
    ("LoRA", "continued"),
)
WORD_PAIRS = tuple((f"{THINKING}, {MIXED}", f"{style}, {MIXED}") for style in (REFLECTING, BOTH))
DECODINGS = ("greedy", "each at its best")
FAMILY_SIZE = len(PAIRS) - 1 + len(DECODINGS) + len(WORD_PAIRS) * len(SPLITS)


def compare_arms(results: Results) -> dict[str, Any]:
    """Return all figures in JSON form."""
    differences = [
        {"first": a, "second": b, **_against(results[a], results[b], sampled, sampled)}
        for a, b in PAIRS
        if a in results and b in results
    ]
    decodings = _decodings(results)
    words = _words(results)
    others = [one for one in differences if (one["first"], one["second"]) != PRIMARY]
    _adjust([*others, *decodings, *words])
    return {
        "arms": {name: figures_of(runs) for name, runs in results.items()},
        "differences": differences,
        "decodings": decodings,
        "equal_inference": {
            name: _equal_inference(results[thinking_of(name)], results[name])
            for name in results
            if find(name).can_reflect and thinking_of(name) in results
        },
        "word_problems": words,
        "curves": {name: curves_of(name, runs) for name, runs in results.items()},
    }


def sampled(run: Mapping[str, Any]) -> Sequence[int]:
    """Return what the first replies of a run have right, sampled."""
    right: Sequence[int] = run["tries"][0]["right"]
    return right


def greedy(run: Mapping[str, Any]) -> Sequence[int]:
    """Return what its greedy replies have right."""
    right: Sequence[int] = run["greedy_tries"][0]["right"]
    return right


def _decodings(results: Results) -> list[dict[str, Any]]:
    """Compare the primary pair as it is not sampled at the temperature of the figures.

    Each at its best: by the figures themselves, which favours both.
    """
    if not all(name in results for name in PRIMARY):
        return []
    pairs = dict.fromkeys(DECODINGS, (greedy, greedy))
    best = [
        max((sampled, greedy), key=lambda way: mean([mean(way(run)) for run in runs.values()]))
        for runs in (results[name] for name in PRIMARY)
    ]
    pairs[DECODINGS[1]] = (best[0], best[1])
    first, second = (results[name] for name in PRIMARY)
    return [
        {
            "decoding": name,
            "first": ways[0].__name__,
            "second": ways[1].__name__,
            **_against(first, second, *ways),
        }
        for name, ways in pairs.items()
    ]


def _words(results: Results) -> list[dict[str, Any]]:
    """Compare the mixed arms on word problems."""
    found = []
    for first, second in WORD_PAIRS:
        if first not in results or second not in results:
            continue
        for split in SPLITS:
            sides = [words_of(results[name], split) for name in (first, second)]
            rows = {
                seed: (sides[0].right[seed], sides[1].right[seed])
                for seed in sorted(set(sides[0].right) & set(sides[1].right))
            }
            told = {"split": split, "first": first, "second": second}
            shares = {"of_first": sides[0].to_dict(), "of_second": sides[1].to_dict()}
            found.append(told | shares | _paired(rows, sides[0].cores))
    return found


def _against(first: Runs, second: Runs, of_first: Any, of_second: Any) -> dict[str, Any]:
    """Compare two arms on the seeds that both have; of_first, of_second: what of a run counts."""
    rows = {
        seed: (of_first(first[seed]), of_second(second[seed]))
        for seed in sorted(set(first) & set(second))
    }
    return _paired(rows, asked(first))


def _paired(
    rows: Mapping[int, tuple[Sequence[int], Sequence[int]]], clusters: Sequence[Hashable]
) -> dict[str, Any]:
    """Compare by seed, over numbers and over seeds; rows: for each seed the two lists of right.

    clusters: what each puzzle goes together with
    """
    by_seed = {seed: pair(*rows[seed], clusters=clusters) for seed in rows}
    differences = [one.difference.value for one in by_seed.values()]
    first, second = (
        [mean(column) for column in zip(*side, strict=True)]
        for side in zip(*rows.values(), strict=True)
    )
    together = pair(first, second, clusters=clusters)
    seeds = over_seeds(differences)
    return {
        "difference": together.difference.to_dict(),
        "difference_seeds": seeds.to_dict() if seeds else None,
        "p_numbers": together.p,
        "p_seeds": p_over_seeds(differences),
        "by_seed": {
            seed: {"b": one.b, "c": one.c, "difference": one.difference.value, "p": one.p}
            for seed, one in by_seed.items()
        },
    }


def _adjust(compared: Sequence[dict[str, Any]]) -> None:
    """Add the p values corrected for the whole family; what has none yet counts as chance."""
    for name in ("p_numbers", "p_seeds"):
        known = [one for one in compared if one[name] is not None]
        missing = [1.0] * (FAMILY_SIZE - len(known))
        for one, p in zip(known, holm([*(one[name] for one in known), *missing]), strict=False):
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
            seed: (chosen(thinking[seed]["tries"][:k], choice), sampled(runs[seed]))
            for seed in seeds
        }
        right = pooled([row[0] for row in rows.values()], asked(runs)).to_dict()
        found[choice] = {"right": right, **_paired(rows, asked(runs))}
    return found
