"""What a judged run says on the terminal: the score with its interval, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a judged run's manifest."""
    judge, scores = manifest["judge"], manifest["scores"]
    yield f"{manifest['task']}  {interval(scores['robust'])}  ({judge['judging']['unit']})"
    figures = scores["figures"]
    yield from _matches(figures) if "win" in figures else _gradings(figures)
    yield (
        f"judge {judge['model']}: {judge['verdicts']} verdicts, {judge['reminders']} reminders, "
        f"{judge['errors']} judge errors ({_judge_errors(figures)})"
    )
    if judge["probe"]:
        probe = judge["probe"]
        yield (
            f"a constant answer made to please the judge scores {probe['value']:.3f} "
            f"(n={probe['n']} questions)"
        )


def _judge_errors(figures: Mapping[str, Any]) -> str:
    return "each counts as lost" if "win" in figures else "each grade that is missing counts 0"


def _matches(figures: Mapping[str, Any]) -> Iterator[str]:
    yield _outcomes(figures)
    for name, found in figures["sets"].items():
        yield f"  {name:<14} {interval(found)}  {_outcomes(found)}"
    flips, places = figures["flip_rate"], figures["position"]
    yield f"orders that disagree: {flips['k']}/{flips['n']} = {_percent(flips)}"
    yield (
        f"place preferred: first {places['first']}, second {places['second']}, "
        f"neither {places['neither']}"
    )
    chars = figures["mean_chars"]
    yield f"mean characters: {chars['ours']:.0f} against {chars['theirs']:.0f}"


def _gradings(figures: Mapping[str, Any]) -> Iterator[str]:
    turns = ", ".join(f"turn {i} {mean:.2f}" for i, mean in enumerate(figures["turns"], 1))
    yield turns
    for name, found in figures["categories"].items():
        yield f"  {name:<14} {interval(found)}"


def _outcomes(found: Mapping[str, Any]) -> str:
    return f"win {found['win']}, tie {found['tie']}, lose {found['lose']} of {found['n']}"


def interval(found: Mapping[str, Any]) -> str:
    """Write a figure of a judge's own scale, with its interval where it has one."""
    value, n = f"{found['value']:.3f}", f"n={found['n']}"
    if found["low"] is None or found["high"] is None:
        return f"{value} {n}"
    return f"{value} [{found['low']:.3f}, {found['high']:.3f}] {n}"


def _percent(found: Mapping[str, Any]) -> str:
    return f"{100 * found['value']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
