"""Summary: the evidence as Markdown tables, with what was asked of it and whether it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from estimates.proportions import Interval
from train.evidence.arms import REFLECTING, THINKING, find
from train.evidence.own_mistakes import Counts
from train.evidence.votes import CHOICES

MIN_POINTS, MAX_P, MIN_CAUGHT = 15.0, 0.01, 60.0


def summary(figures: Mapping[str, Any]) -> str:
    """Return the tables."""
    parts = [
        _arms(figures),
        _attempts(figures),
        _differences(figures),
        _decodings(figures),
        _inference(figures),
        _words(figures),
        _own(figures),
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


def _seeds(compared: Mapping[str, Any]) -> list[str]:
    """Write a difference with both intervals, by seed, and both p values.

    Corrected where the comparison is one of the family.
    """
    over = compared["difference_seeds"]
    return [
        points(compared["difference"]),
        points(over) if over else "–",
        ", ".join(f"{100 * seed['difference']:+.1f}" for seed in compared["by_seed"].values()),
        *(_p(compared.get(f"{name}_holm", compared[name])) for name in ("p_numbers", "p_seeds")),
    ]


SEEDS = ["points", "over seeds", "by seed", "p over numbers", "p over seeds"]


def _arms(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, arm in figures["arms"].items():
        over = arm["right_seeds"]
        rows.append(
            [
                name,
                percent(arm["right"]),
                f"[{100 * over['low']:.1f}, {100 * over['high']:.1f}]" if over else "–",
                ", ".join(f"{100 * right:.1f}" for right in arm["right_by_seed"].values()),
                f"{100 * arm['greedy']:.1f}",
                f"{arm['tokens']:.0f}",
                f"{100 * arm['finished']:.1f}",
            ]
        )
    head = ["arm", "right, %", "over seeds", "by seed", "greedy, %", "tokens", "finished, %"]
    return _table(head, rows)


def _attempts(figures: Mapping[str, Any]) -> str:
    """Tell what reflecting arms do with their own attempts, and with one put into their mouths."""
    rows = [
        [
            name,
            percent(arm["caught"]),
            percent(arm["false_alarms"]),
            percent(arm["repaired"]),
            f"{100 * arm['forced']['wrong']:.1f}",
            f"{100 * arm['forced']['right']:.1f}",
        ]
        for name, arm in figures["arms"].items()
        if find(name).can_reflect
    ]
    head = ["its attempts", "caught, %", "false alarms, %", "repaired at once, %"]
    return _table([*head, "forced wrong, %", "forced right, %"], rows) if rows else ""


def _differences(figures: Mapping[str, Any]) -> str:
    rows = [
        [f"{one['second']} less {one['first']}", *_seeds(one)] for one in figures["differences"]
    ]
    return _table(["difference (Holm but the first)", *SEEDS], rows) if rows else ""


def _decodings(figures: Mapping[str, Any]) -> str:
    rows = [
        [f"{one['decoding']}: {one['second']} less {one['first']}", *_seeds(one)]
        for one in figures["decodings"]
    ]
    return _table([f"{REFLECTING} less {THINKING} (Holm)", *SEEDS], rows) if rows else ""


def _inference(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{name}, {one['tokens']:.0f} tokens",
            f"{choice} of {one['k']}, {one['tokens_of_k']:.0f} tokens",
            percent(one[choice]["right"]),
            *_seeds(one[choice]),
        ]
        for name, one in figures["equal_inference"].items()
        for choice in CHOICES
    ]
    head = ["one reply", "ahead of thinking's", "right, %"]
    return _table([*head, *SEEDS], rows) if rows else ""


def _words(figures: Mapping[str, Any]) -> str:
    """Tell what reflections do to word problems, where they are taught with them or beside them."""
    rows = [
        [
            f"{one['split']}, {one['second']}",
            percent(one["of_second"]["right"]),
            percent(one["of_first"]["right"]),
            percent(one["of_second"]["caught"]),
            percent(one["of_second"]["false_alarms"]),
            *_seeds(one),
        ]
        for one in figures["word_problems"]
    ]
    head = ["word problems (Holm)", "right, %", "thinking's, %", "caught, %", "false alarms, %"]
    return _table([*head, *SEEDS], rows) if rows else ""


def _own(figures: Mapping[str, Any]) -> str:
    """Tell what was found of the mistakes that a model makes itself."""
    found = [
        [str(seed), *(f"{value:,}" for value in counts.values())]
        for seed, counts in figures["arms"].get("own mistakes", {}).get("own_mistakes", {}).items()
    ]
    names = [field.name.replace("_", " ") for field in fields(Counts)]
    return _table(["own attempts, seed", *names], found) if found else ""


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
        and max(p_seeds, gain["p_numbers"]) < MAX_P,
        "ahead of a majority vote at equal inference tokens": vote["majority"]["difference"]["low"]
        > 0
        and vote["tokens_of_k"] >= vote["tokens"],
        f"caught less false alarms at least {MIN_CAUGHT:.0f} points": 100
        * arm["caught_less_false_alarms"]
        >= MIN_CAUGHT,
    }
    return "\n".join(f"- {'yes' if is_met else 'NO'}: {goal}" for goal, is_met in checks.items())
