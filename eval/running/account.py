"""The account of a run: the lines that a command prints at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.judges.printed import interval as judged_interval

ALWAYS = ("error", "empty", "length", "unanswered")
NOT_COUNTED = ("questions", "unasked", "n", "ok")


def lines(manifest: Mapping[str, Any], path: Path) -> Iterator[str]:
    """Yield what a reader must know of a run: score, what is missing, tokens, time, where it is."""
    counts = manifest["counts"]
    yield f"{manifest['task']} · {manifest['model']} · n = {counts['n']}{_unasked(counts)}"
    yield f"  {_scores(manifest['scores'], 'judge' in manifest)}"
    if figures := _figures(manifest["scores"].get("figures") or {}):
        yield f"  {figures}"
    if warning := manifest["scores"].get("warning"):
        yield f"  warning: {warning}"
    if repeats := manifest["scores"].get("repeats"):
        yield f"  {_repeats(repeats, manifest['treatment'])}"
    yield f"  {_counts(counts)}"
    yield f"  {_effort(manifest)}"
    yield f"  {path}  digest {manifest['digest'][:16]}"


def _unasked(counts: Mapping[str, int]) -> str:
    return f", {counts['unasked']} not asked" if counts.get("unasked") else ""


def _scores(scores: Mapping[str, Any], is_judged: bool) -> str:
    robust, compat = scores.get("robust"), scores.get("compat")
    if robust is None:
        return "not scored yet: a judge decides (reflect eval judge)"
    if is_judged:  # on a scale of its own, not in per cent
        return f"mean {judged_interval(robust)}"
    name = "accuracy" if "k" in robust else "mean"
    beside = f"   lm-eval's filter {100 * compat['value']:.2f}" if compat else ""
    return f"{name} {percent(robust)}{beside}"


def _figures(figures: Mapping[str, Any]) -> str:
    """Return the task's own figures that are single numbers; the report has the others too."""
    single = {
        name: one for name, one in figures.items() if isinstance(one, dict) and "value" in one
    }
    return ", ".join(f"{name.replace('_', ' ')} {percent(one)}" for name, one in single.items())


def percent(figure: Mapping[str, Any]) -> str:
    """Write a figure of a manifest in per cent, with its 95 % interval where it has one."""
    value, low, high = figure["value"], figure.get("low"), figure.get("high")
    if low is None or high is None:
        return f"{100 * value:.2f}"
    return f"{100 * value:.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def _repeats(repeats: Mapping[str, Any], treatment: Mapping[str, Any]) -> str:
    rates = {"score": repeats["flip_rate"], "answer": repeats["answer_flip_rate"]}
    flips = [f"{name} {100 * rate:.2f} %" for name, rate in rates.items() if rate is not None]
    if treatment["repeat"] > 1:
        return f"flip rate between equal requests: {', '.join(flips)}"
    parts = [
        f"{name}@{k} {100 * value:.2f}"
        for name, figures in (("pass", repeats["pass"]), ("maj", repeats["majority"]))
        for k, value in figures.items()
    ]
    return ", ".join(parts or ["flip rate between epochs: " + flips[0]])


def _counts(counts: Mapping[str, int]) -> str:
    others = [name for name in counts if name not in (*ALWAYS, *NOT_COUNTED) and counts[name]]
    told = [f"{name.replace('_', ' ')} {counts[name]}" for name in (*ALWAYS, *others)]
    return ", ".join(told) + " (each counted as wrong)" * any(counts[name] for name in ALWAYS)


def _effort(manifest: Mapping[str, Any]) -> str:
    tokens, cost = manifest["tokens"], manifest["cost"]
    parts = [f"{manifest['wall_s']:.1f} s"]
    if tokens["completion"] is not None:
        parts.append(f"{tokens['prompt'] or 0:,} tokens read, {tokens['completion']:,} written")
    if isinstance(cost, dict):
        parts.append(f"cost {cost['total']:.4g}")
    return ", ".join(parts)
