"""Summary: the evidence as Markdown tables, with what was asked of it and whether it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from estimates.proportions import Interval
from train.evidence.arms import REFLECTING, THINKING, find

MIN_POINTS, MAX_P, MIN_CAUGHT = 15.0, 0.01, 60.0


def summary(figures: Mapping[str, Any]) -> str:
    """Return the tables."""
    parts = [
        _arms(figures),
        _differences(figures),
        _inference(figures),
        _words(figures),
        _verdict(figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(figure: Mapping[str, float]) -> str:
    """Write a share with its interval in percent."""
    return Interval.from_dict(figure).percent(1)


def points(figure: Mapping[str, float]) -> str:
    """Write a difference with its interval in points."""
    value, low, high = (100 * figure[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


def _arms(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, arm in figures["arms"].items():
        seeds = ", ".join(f"{100 * right:.1f}" for right in arm["right_by_seed"].values())
        reflects = find(name).can_reflect
        rows.append(
            [
                name,
                f"{percent(arm['right'])} ({seeds})",
                f"{100 * arm['greedy']:.1f}",
                f"{arm['tokens']:.0f}",
                percent(arm["caught"]) if reflects else "–",
                percent(arm["false_alarms"]) if reflects else "–",
                percent(arm["repaired"]) if reflects else "–",
            ]
        )
    head = ["arm", "right, % (seeds)", "greedy", "tokens", "caught, %", "false alarms, %"]
    return _table([*head, "repaired at once, %"], rows)


def _differences(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{one['second']} less {one['first']}",
            points(one["difference"]),
            ", ".join(f"{100 * seed['difference']:+.1f}" for seed in one["by_seed"].values()),
            _p(one["p_puzzles_holm"]),
            _p(one.get("p_seeds_holm")),
        ]
        for one in figures["differences"]
    ]
    head = ["difference", "points", "by seed", "p, these puzzles", "p, other seeds"]
    return _table(head, rows) if rows else ""


def _inference(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, one in figures["equal_inference"].items():
        for choice in ("majority", "likeliest", "oracle"):
            told = one[choice]
            rows.append(
                [
                    f"{name}, {one['tokens']:.0f} tokens",
                    f"{choice} of {one['k']}, {one['tokens_of_k']:.0f} tokens",
                    percent(told["right"]),
                    points(told["difference"]),
                    _p(told["p_puzzles"]),
                    _p(told["p_seeds"]),
                ]
            )
    head = ["one reply", "against thinking's", "right, %", "ahead by, points"]
    return _table([*head, "p, these puzzles", "p, other seeds"], rows) if rows else ""


def _words(figures: Mapping[str, Any]) -> str:
    """Tell what reflection taught beside them does to word problems, which it hardly helps."""
    rows = [
        [
            f"word problems, {split}",
            percent(one["thinking"]),
            percent(one["reflecting"]),
            points(one["difference"]),
            _p(one["p_puzzles"]),
            _p(one["p_seeds"]),
        ]
        for split, one in figures["word_problems"].items()
        if one
    ]
    head = ["mixed arms", "thinking, %", "reflecting, %", "points"]
    return _table([*head, "p, these problems", "p, other seeds"], rows) if rows else ""


def _verdict(figures: Mapping[str, Any]) -> str:
    """Hold the reflecting arm against what was asked before anything was trained."""
    found = [
        one
        for one in figures["differences"]
        if (one["first"], one["second"]) == (THINKING, REFLECTING)
    ]
    if not found:
        return ""
    gain, arm = found[0], figures["arms"][REFLECTING]
    vote = figures["equal_inference"][REFLECTING]
    p_seeds = gain["p_seeds"]
    checks = {
        f"at least {MIN_POINTS:.0f} points above thinking at equal training tokens": 100
        * gain["difference"]["value"]
        >= MIN_POINTS,
        f"p < {MAX_P} over at least 3 seeds": len(gain["by_seed"]) >= 3
        and p_seeds is not None
        and max(p_seeds, gain["p_puzzles"]) < MAX_P,
        "ahead of a majority vote at equal inference tokens": vote["majority"]["difference"]["low"]
        > 0
        and vote["tokens_of_k"] >= vote["tokens"],
        f"caught less false alarms at least {MIN_CAUGHT:.0f} points": 100
        * arm["caught_less_false_alarms"]
        >= MIN_CAUGHT,
    }
    return "\n".join(f"- {'yes' if is_met else 'NO'}: {goal}" for goal, is_met in checks.items())
