"""What a report says of one task: scores beside published ones, pairs, groups, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from estimates.proportions import Interval
from eval.errors import EvalError
from eval.measures.comparison import adjust, compare
from eval.measures.groups import by_group
from eval.reports import plots
from eval.reports.figure_rows import figures_table
from eval.reports.material import Material
from eval.reports.plots import Bar
from eval.reports.published import Published, published
from eval.reports.scale import Scale, p_value, scale_of
from eval.reports.thought_section import thought_section
from eval.reports.usage_section import usage_section
from eval.tasks import catalogue
from files.errors import UserError

Context = dict[str, Any]
COUNTED = ("error", "empty", "length", "truncated", "unanswered")
NOT_COUNTED = ("questions", "unasked", "n", "ok")


def task_section(name: str, runs: Sequence[Material]) -> Context:
    """Return what the template shows of a task."""
    scale = scale_of(name)
    others = published(name)
    return {
        "name": name,
        **_about(name),
        "unit": scale.unit,
        "rows": [_row(run, scale) for run in runs],
        "warnings": list(_warnings(runs)),
        "published": others,
        "has_published_bounds": any(one.bounds for one in others),
        "scores_plot": plots.scores(_bars(runs, others), scale, f"{name}-scores"),
        **_comparisons(runs, scale),
        **_groups(name, runs, scale),
        "figures": figures_table({run.name: _figures(run) for run in runs}, scale),
        "thoughts": thought_section(name, runs),
        "usage": usage_section(name, runs),
    }


def _about(name: str) -> Context:
    """Return what the catalogue tells of the task, if it is one of ours and can be loaded."""
    try:
        task = catalogue.find(name)
    except (EvalError, ImportError):  # a task of another version, or whose extra is missing
        return {"about": "", "note": "", "chance": None}
    return {"about": task.about, "note": task.note, "chance": task.chance}


def _row(run: Material, scale: Scale) -> Context:
    manifest, counts = run.manifest, run.manifest.get("counts", {})
    headline, compat = run.headline or {}, (manifest.get("scores") or {}).get("compat") or {}
    return {
        "name": run.name,
        "n": f"{headline.get('n', counts.get('n', 0)):,}",
        "score": scale.number(headline.get("value")),
        "bounds": scale.bounds(headline),
        "compat": scale.number(compat.get("value")),
        "counts": {name: counts.get(name, 0) for name in COUNTED},
        "protocol": ", ".join(_protocol(manifest)),
    }


def _protocol(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Say in words how the questions were asked, as far as it is told."""
    protocol, treatment = manifest.get("protocol", {}), manifest.get("treatment", {})
    yield f"{protocol.get('few_shot', 0)}-shot"
    if protocol.get("system"):
        yield "system prompt"
    if protocol.get("temperature"):
        yield f"temperature {protocol['temperature']:g}"
    if treatment.get("effort"):
        yield f"effort {treatment['effort']}"
    answers = max(treatment.get("epochs", 1), treatment.get("repeat", 1))
    if answers > 1:
        yield f"{answers} answers each"


def _warnings(runs: Sequence[Material]) -> Iterator[str]:
    for run in runs:
        scores, counts = run.manifest.get("scores") or {}, run.manifest.get("counts", {})
        if warning := scores.get("warning"):
            yield f"{run.name}: {warning}."
        if run.manifest.get("status") != "finished":
            yield f"{run.name}: the run is not finished, {counts.get('unasked', 0)} not asked."
        other = [name for name in counts if name not in (*COUNTED, *NOT_COUNTED) and counts[name]]
        for name in other:
            yield f"{run.name}: flagged {name.replace('_', ' ')}: {counts[name]:,}."
        if counts.get("error"):
            yield f"{run.name}: samples without a reply: {counts['error']:,}; each counts as wrong."


def _bars(runs: Sequence[Material], others: Sequence[Published]) -> list[Bar]:
    bars = []
    for number, run in enumerate(runs):
        if run.headline:
            bars.append(Bar(run.name, Interval.from_dict(run.headline), number))
        for figure in dict.fromkeys(one.figure for one in others if one.figure):
            found = _named_figure(run, figure)
            if found is not None:
                bars.append(Bar(f"{run.name}, {figure}", found, number))
    for one in others:
        half = 1.96 * (one.error or 0) / 100
        share = one.value / 100
        bars.append(Bar(one.model, Interval(share, share - half, share + half, 0), None))
    return bars


def _named_figure(run: Material, name: str) -> Interval | None:
    found = ((run.manifest.get("scores") or {}).get("figures") or {}).get(name)
    if isinstance(found, Mapping) and "value" in found:
        return Interval.from_dict(found)
    return Interval(found, found, found, 0) if isinstance(found, float) else None


def _comparisons(runs: Sequence[Material], scale: Scale) -> Context:
    """Compare the first run with each other one; p values adjusted where there are several."""
    compared, refused = [], []
    for run in runs[1:]:
        try:
            compared.append((run, compare(runs[0].folder, run.folder)))
        except UserError as error:
            refused.append(f"{runs[0].name} and {run.name}: {error}")
    adjusted = adjust([one for _, one in compared])
    rows = []
    for (run, _), one in zip(compared, adjusted, strict=True):
        change = one.paired.difference.to_dict()
        rows.append(
            {
                "first": runs[0].name,
                "second": run.name,
                "n": f"{one.paired.n:,}",
                "difference": scale.signed(change["value"]),
                "bounds": scale.bounds(change, is_signed=True),
                "b": one.paired.b,
                "c": one.paired.c,
                "p": p_value(one.adjusted_p),
                "smallest": scale.number(one.paired.smallest),
                "treatment": {name: f"{a} → {b}" for name, (a, b) in one.treatment.items()},
            }
        )
    return {"comparisons": rows, "is_adjusted": len(rows) > 1, "refused": refused}


def _groups(name: str, runs: Sequence[Material], scale: Scale) -> Context:
    """Return the scores by group, best first by the first run; none where there is one group."""
    found = [by_group(run.samples, is_judged="judge" in run.manifest) for run in runs]
    common = [group for group in found[0] if all(group in other for other in found)]
    if len(common) < 2:
        return {"groups": None}
    names = sorted(common, key=lambda group: -found[0][group].value)
    intervals = [[groups[group] for group in names] for groups in found]
    rows = [
        (group, f"{found[0][group].n:,}", [_cell(groups[group], scale) for groups in found])
        for group in names
    ]
    labels = [run.name for run in runs]
    plot = plots.groups(
        [group.replace("_", " ") for group in names], intervals, labels, scale, f"{name}-groups"
    )
    return {"groups": {"plot": plot, "rows": rows, "labels": labels}}


def _cell(interval: Interval, scale: Scale) -> tuple[str, str]:
    figure = interval.to_dict()
    return scale.number(figure["value"]), scale.bounds(figure)


def _figures(run: Material) -> Context:
    """Return the figures that the task reports by itself, and those of repeated answers."""
    scores = run.manifest.get("scores") or {}
    told = dict(scores.get("figures") or {})
    if repeats := scores.get("repeats"):
        told["repeats"] = repeats
    if clustered := (run.headline or {}).get("clustered"):
        told[f"mean, clustered by {clustered['by']}"] = clustered
    return told
