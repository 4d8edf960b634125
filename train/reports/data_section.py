"""What a report says of the data before and after: lengths, perplexities, ratios, coherence."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pages.series import histograms
from train.reports import plots
from train.reports.coherence import Pair
from train.reports.lengths import Lengths
from train.reports.material import Material
from train.reports.recycled_row import Place, stages_of, variants_of

T = TypeVar("T")
Context = dict[str, Any]
Stages = Mapping[str, Sequence[Place]]
Measured = dict[str, list[list[float]]]  # by quantity, the values of each stage
Coherence = Callable[[Sequence[Pair]], list[float]]
SCORES = {"ppl(y)": "ppl", "ppl(y | x)": "ppl_given", "IFD": "ifd", "r-IFD": "rifd"}
RATIOS = {"IFD": "ifd", "r-IFD": "rifd"}
PERPLEXITIES = {"ppl(y)": "ppl", "ppl(y | x)": "ppl_given"}


def data_section(
    material: Material, lengths: Lengths, coherence: Coherence | None
) -> Context | None:
    """Return what the template shows; None where nothing was recycled."""
    if not material.rows:
        return None
    stages = stages_of(material.rows)
    labels = list(stages)
    long, coherent = _lengths(stages, lengths), _coherence(stages, coherence)
    measured = long | _scores(stages) | coherent
    return {
        "unit": lengths.unit,
        "of": lengths.of,
        "labels": labels,
        "rows": [(name, [_cell(values) for values in found]) for name, found in measured.items()],
        "lengths_plot": histograms(long, labels, "lengths"),
        "coherence_plot": histograms(coherent, labels, "coherence") if coherent else "",
        **_by_variant(material),
        **_top(material),
    }


def _lengths(stages: Stages, lengths: Lengths) -> Measured:
    texts: dict[str, Callable[[Place], str]] = {
        "instruction": lambda place: place[0].variants[place[1]].question,
        "response": lambda place: place[0].variants[place[1]].response,
    }
    return {
        f"{name}, {lengths.unit}": _each_once(
            lambda found: list(map(float, lengths.measure(found))),
            [[text_of(place) for place in places] for places in stages.values()],
        )
        for name, text_of in texts.items()
    }


def _coherence(stages: Stages, coherence: Coherence | None) -> Measured:
    """Measure all stages at once, so that they share one scale."""
    if coherence is None:
        return {}
    samples = [[row.variants[variant] for row, variant in places] for places in stages.values()]
    pairs = [[(sample.question, sample.response) for sample in found] for found in samples]
    return {"coherence": _each_once(coherence, pairs)}


def _each_once(
    measure: Callable[[list[T]], list[float]], lists: list[list[T]]
) -> list[list[float]]:
    """Measure what stands in the lists, each but once: what is kept was recycled, too."""
    distinct = list(dict.fromkeys(one for found in lists for one in found))
    values = dict(zip(distinct, measure(distinct), strict=True))
    return [[values[one] for one in found] for found in lists]


def _scores(stages: Stages) -> Measured:
    return {
        label: [_numbers(places, name) for places in stages.values()]
        for label, name in SCORES.items()
    }


def _numbers(places: Sequence[Place], name: str) -> list[float]:
    found = (row.score(variant, name) for row, variant in places)
    return [value for value in found if value is not None]


def _cell(values: Sequence[float]) -> tuple[str, str]:
    """Return the mean, and beside it the median and the count."""
    if not values:
        return "–", ""
    mean, median = statistics.fmean(values), statistics.median(values)
    return _short(mean), f"median {_short(median)}, n {len(values):,}"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def _by_variant(material: Material) -> Context:
    """Return the histograms of ratios and perplexities, an outline a variant."""
    import numpy as np

    variants = variants_of(material.rows)
    names = list(variants)
    found = {
        label: [_numbers(places, name) for places in variants.values()]
        for label, name in SCORES.items()
    }
    ratios = {label: found[label] for label in RATIOS if any(found[label])}
    perplexities = {
        f"log10 {label}": [list(np.log10(np.maximum(1, values))) for values in found[label]]
        for label in PERPLEXITIES
        if any(found[label])
    }
    return {
        "ratios_plot": histograms(ratios, names, "ratios", limit=1) if ratios else "",
        "perplexities_plot": histograms(perplexities, names, "ppl") if perplexities else "",
    }


def _top(material: Material) -> Context:
    """Return the curve over the samples that have a rank: all that could be kept."""
    ranked = [row.score(row.final, "ifd") for row in material.rows if row.rank is not None]
    ifds = [value for value in ranked if value is not None]
    percent = material.config.recycle.top_percent
    return {
        "top_plot": plots.top_percent(ifds, percent, "top") if len(ifds) > 1 else "",
        "top_percent": f"{percent:g}",
        "num_ranked": f"{len(ifds):,}",
    }
