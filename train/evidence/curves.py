"""Curves: accuracy by training tokens, and by the tokens that a puzzle's answer takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from estimates.means import mean
from estimates.proportions import Interval
from train.evidence.arms import find
from train.evidence.figures import Runs, asked, pooled
from train.evidence.puzzles import Part, puzzles, same
from train.evidence.votes import CHOICES, chosen, mean_tokens, within

BUDGETS = (24, 32, 48, 64, 96, 128, 192, 256, 384)


def curves_of(name: str, runs: Runs) -> dict[str, Any]:
    """Return accuracy by training tokens, and by tokens written a puzzle.

    While training the puzzles are fewer and of other numbers than at its end, the last point.
    """
    checks = [run["training"]["checks"] for run in runs.values()]
    saturation: list[dict[str, Any]] = [
        {
            "training_tokens": mean([check["num_tokens"] for check in column]),
            "right": _checked(name, [check["answers"] for check in column]).to_dict(),
            "caught": mean([check["caught"] for check in column]),
            "false_alarms": mean([check["false_alarms"] for check in column]),
        }
        for column in zip(*checks, strict=False)
    ]
    end = {
        "training_tokens": mean([run["training"]["num_tokens"] for run in runs.values()]),
        "right": pooled([run["tries"][0]["right"] for run in runs.values()], asked(runs)).to_dict(),
    }
    return {"saturation": [*saturation, end], "inference": _inference(name, runs)}


def _checked(name: str, answers: Sequence[str]) -> Interval:
    """Return what a check found right, its seeds together."""
    asked = puzzles(Part.CHECK, len(answers[0]), find(name).num_numbers)
    return pooled([list(map(int, one)) for one in answers], same(asked))


def _inference(name: str, runs: Runs) -> dict[str, list[dict[str, Any]]]:
    if find(name).can_reflect:
        points = []
        for budget in BUDGETS:
            cut = [within(run["tries"][0], budget) for run in runs.values()]
            right = pooled([row for row, _ in cut], asked(runs)).to_dict()
            points.append({"tokens": mean([tokens for _, tokens in cut]), "right": right})
        return {"one reply": points}
    num_tries = min(len(run["tries"]) for run in runs.values())
    return {
        choice: [
            {
                "tokens": mean([mean_tokens(run["tries"][:k]) for run in runs.values()]),
                "right": pooled(
                    [chosen(run["tries"][:k], choice) for run in runs.values()], asked(runs)
                ).to_dict(),
            }
            for k in range(1, num_tries + 1)
        ]
        for choice in CHOICES
    }
