"""What a manifest says of a run's samples: counts, scores, reflections, tokens, seconds, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from estimates import clusters
from estimates.proportions import Interval
from eval.measures import reflections, repeats, usage
from eval.measures.groups import WILSON, interval_of, method_of
from eval.measures.usage import Prices
from eval.question import Question
from eval.sample import Sample
from eval.score import UNANSWERED
from eval.task import Task

SEED = 0  # of the bootstrap; the manifest names it
FEWEST_CLUSTERS = 10  # below, a clustered error is too small
WORTH_A_WARNING = 1.0  # points between the two scores
COUNTED = ("empty", "length", "truncated", UNANSWERED, "scorer_timeout")


def summarize(
    task: Task,
    questions: Mapping[str, Question],
    samples: Sequence[Sample],
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Return the figures of a run; what failed counts as wrong in all of them."""
    return {
        "counts": counts(questions, samples),
        "scores": scores(task, questions, samples),
        "reflections": reflections.figures(questions, samples, task.scorer),
        "tokens": usage.tokens(samples),
        "latency_s": usage.latency(samples),
        "cost": usage.cost(samples, prices),
    }


def counts(questions: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, int]:
    """Count samples by what became of them; `n` is the denominator of the scores.

    unasked: questions without any sample, of a run that was stopped: they are not in `n`
    """
    flags = Counter(flag for sample in samples for flag in sample.all_flags)
    asked = {sample.id for sample in samples}
    errors = sum(sample.status == "error" for sample in samples)
    return {
        "questions": len(questions),
        "unasked": sum(id not in asked for id in questions),
        "n": len(samples),
        "ok": len(samples) - errors,
        "error": errors,
        **{name: flags.pop(name, 0) for name in COUNTED},
        **{name: count for name, count in sorted(flags.items()) if name != "error"},
    }


def scores(
    task: Task, questions: Mapping[str, Question], samples: Sequence[Sample]
) -> dict[str, Any]:
    """Return the headline and what stands beside it."""
    robust = _headline(task, samples)
    compat = _compat(samples)
    found: dict[str, Any] = {"robust": robust, "compat": compat}
    gap = round(100 * (robust["value"] - compat["value"]), 6) if robust and compat else 0.0
    if abs(gap) > WORTH_A_WARNING:
        found["warning"] = f"robust and compat differ by {gap:+.2f} points: read the samples"
    if task.figures is not None and robust is not None:
        found["figures"] = task.figures(questions, samples)
    if repeated := repeats.figures(samples, is_judged=task.scorer is None):
        found["repeats"] = repeated
    return found


def _headline(task: Task, samples: Sequence[Sample]) -> dict[str, Any] | None:
    """Return the mean score; None where a judge has not decided yet."""
    if task.scorer is None and not any(sample.score for sample in samples):
        return None
    values = [sample.value for sample in samples]
    headline = _interval(values, samples, is_judged=task.scorer is None)
    units, groups = [sample.unit for sample in samples], [sample.group for sample in samples]
    if len(set(groups)) >= FEWEST_CLUSTERS:
        headline["clustered"] = _clustered(values, groups, "group")
    elif len(set(units)) < len(units):
        headline["clustered"] = _clustered(values, units, "question")
    return headline


def _interval(
    values: Sequence[float], samples: Sequence[Sample], *, is_judged: bool = False
) -> dict[str, Any]:
    method = method_of(values, samples, is_judged=is_judged)
    right = {"k": round(sum(values))} if method.startswith(WILSON) else {}
    return {**right, **_named(interval_of(values, samples, method), method)}


def _clustered(values: Sequence[float], groups: Sequence[str], by: str) -> dict[str, Any]:
    """Return the interval of the mean if the clusters are a sample of their kind."""
    drawn = clusters.bootstrap(values, groups, SEED)
    return {
        "by": by,
        "clusters": len(set(groups)),
        **_named(clusters.clustered(values, groups), "normal"),
        "bootstrap": {
            "low": drawn.low,
            "high": drawn.high,
            "draws": clusters.DRAWS,
            "seed": SEED,
        },
    }


def _compat(samples: Sequence[Sample]) -> dict[str, Any] | None:
    """Return lm-eval's score, where it was installed; a sample without a reply is wrong."""
    found = [sample.score.compat for sample in samples if sample.score]
    if not found or all(value is None for value in found):
        return None
    values = [(sample.score.compat or 0.0) if sample.score else 0.0 for sample in samples]
    return _interval(values, samples)


def _named(interval: Interval, method: str) -> dict[str, Any]:
    return {**interval.to_dict(), "method": method}
