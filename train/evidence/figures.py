"""Figures: what the models of one arm did, their seeds together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from estimates.clusters import clustered_counts, clustered_wilson
from estimates.means import mean
from estimates.proportions import Interval
from problems.countdown import Puzzle
from train.evidence.arms import find
from train.evidence.puzzles import Part, puzzles, same
from train.evidence.seeds import over_seeds

Runs = Mapping[int, Mapping[str, Any]]  # seed -> its result.json
JUDGED = ("wrong", "wrong_flagged", "right", "right_flagged", "repaired")  # as `Reflections`
SHARES = {  # name -> what is counted, of what
    "caught": ("wrong_flagged", "wrong"),
    "false_alarms": ("right_flagged", "right"),
    "repaired": ("repaired", "wrong_flagged"),
}


def figures_of(runs: Runs) -> dict[str, Any]:
    """Return what an arm did, its seeds together: intervals by numbers, the seeds being given.

    caught: wrong attempts that a reflection follows; false_alarms: right ones; repaired: caught
    ones that a right attempt follows.
    """
    first = {seed: run["tries"][0] for seed, run in runs.items()}
    judged = [one["judged"] for one in first.values()]
    shares = {name: share_of(judged, of, asked(runs)) for name, of in SHARES.items()}
    forced = {
        name: mean([run["forced"][name] for run in runs.values()]) for name in ("wrong", "right")
    }
    right = {seed: mean(one["right"]) for seed, one in first.items()}
    seeds = over_seeds(list(right.values()))
    return {
        "seeds": sorted(runs),
        "asked": _num_asked(runs),
        "right": pooled([one["right"] for one in first.values()], asked(runs)).to_dict(),
        "right_seeds": seeds.to_dict() if seeds else None,
        "right_by_seed": right,
        "greedy": mean([mean(run["greedy_tries"][0]["right"]) for run in runs.values()]),
        "finished": mean([mean(one["finished"]) for one in first.values()]),
        "tokens": mean([mean(one["tokens"]) for one in first.values()]),
        "reflections": mean([mean(one["reflections"]) for one in first.values()]),
        **{name: share.to_dict() for name, share in shares.items()},
        "caught_less_false_alarms": shares["caught"].value - shares["false_alarms"].value,
        "forced": forced,
        "by_num_solutions": _by_solutions(runs),
        "num_parameters": next(iter(runs.values()))["num_parameters"],
        "own_mistakes": {seed: run["own_mistakes"] for seed, run in runs.items()},
        "training_tokens": mean([run["training"]["num_tokens"] for run in runs.values()]),
        "loss_tokens": mean([run["training"]["num_loss_tokens"] for run in runs.values()]),
        "examples": mean([run["training"]["num_examples"] for run in runs.values()]),
        "cpu_s": mean([run["training"]["cpu_s"] for run in runs.values()]),
        "data_hashes": {seed: run["training"]["data_hash"] for seed, run in runs.items()},
    }


def share_of(
    judged: Sequence[Sequence[Sequence[int]]], of: tuple[str, str], clusters: Sequence[Hashable]
) -> Interval:
    """Return the share of the first kind of attempts in the second; judged: by run and problem."""
    k, n = map(JUDGED.index, of)
    counts = [(one[k], one[n]) for rows in judged for one in rows]
    return clustered_counts(counts, list(clusters) * len(judged))


def _num_asked(runs: Runs) -> dict[str, int]:
    """Return how many prompts there were, of how many different puzzles and numbers."""
    those = _puzzles(runs)
    return {
        "prompts": len(those),
        "puzzles": len({one.core for one in those}),
        "numbers": len(set(same(those))),
    }


def asked(runs: Runs) -> Sequence[Hashable]:
    """Return the numbers of each puzzle that an arm was asked: what goes together."""
    return same(_puzzles(runs))


def _puzzles(runs: Runs) -> tuple[Puzzle, ...]:
    one = next(iter(runs.values()))
    return puzzles(Part.TEST, len(one["num_solutions"]), find(one["arm"]).num_numbers)


def pooled(rows: Sequence[Sequence[int]], clusters: Sequence[Hashable]) -> Interval:
    """Return the share of ones; rows: a seed each, of the same puzzles."""
    values = [float(value) for row in rows for value in row]
    return clustered_wilson(values, list(clusters) * len(rows))


def _by_solutions(runs: Runs) -> dict[str, Any]:
    """Split by how many attempts reach the target: the fewer, the longer the search."""
    found: dict[str, list[tuple[int, Hashable]]] = {"1": [], "2": [], "3 or more": []}
    for run in runs.values():
        answers = zip(run["tries"][0]["right"], run["num_solutions"], asked(runs), strict=True)
        for right, count, puzzle in answers:
            found[str(count) if count < 3 else "3 or more"].append((right, puzzle))
    return {
        name: clustered_counts(
            [(right, 1) for right, _ in answers], [puzzle for _, puzzle in answers]
        ).to_dict()
        for name, answers in found.items()
    }
