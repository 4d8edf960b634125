"""What a report says of recycling: outcomes, stages, statuses, the teacher's cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from estimates.proportions import wilson
from train.reports import plots
from train.reports.flat_rows import told
from train.reports.material import Material
from train.reports.recycled_row import RecycledRow

Context = dict[str, Any]
REFLECTIONS = {"instruction": ("instruction",), "response": ("response", "both")}
NOT_ASKED = "skipped"


def recycling_section(material: Material) -> Context | None:
    """Return what the template shows; None where nothing was recycled."""
    rows = material.rows
    if not rows:
        return None
    bars = stage_counts(rows)
    total = len(rows)
    return {
        "outcomes_plot": plots.outcomes(Counter(row.outcome for row in rows), "outcomes"),
        "stages_plot": plots.stages(bars, "stages"),
        "stages": [(name, *_share(*counts)) for name, counts in bars.items()],
        "statuses": _counted(Counter(row.status for row in rows), total),
        "calls": list(_calls(rows)),
        "dropped": _counted(Counter(without_ratio(row.reason) for row in rows), total),
        "teacher": list(_teacher(material)),
        "warnings": list(_warnings(material)),
    }


def stage_counts(rows: Sequence[RecycledRow]) -> dict[str, tuple[int, int]]:
    """Return for each stage how many came through it, of how many that entered."""
    counts: dict[str, tuple[int, int]] = {}
    for stage, asked_for in REFLECTIONS.items():
        asked = [row for row in rows if _status(row, asked_for) not in (None, NOT_ASKED)]
        parsed = [row for row in asked if _status(row, asked_for) == "ok"]
        accepted = [row for row in parsed if row.decisions.get(stage, {}).get("is_accepted")]
        if asked:
            counts[f"{stage}: reply understood"] = (len(parsed), len(asked))
        if parsed:
            counts[f"{stage}: accepted"] = (len(accepted), len(parsed))
    counts["kept in the end"] = (sum(row.is_kept for row in rows), len(rows))
    return counts


def _status(row: RecycledRow, asked_for: tuple[str, ...]) -> str | None:
    """Return the status of the call on the way to the result, or of the one that there is."""
    names = sorted(asked_for, key=lambda name: name != row.final)
    return next((str(row.calls[name]["status"]) for name in names if name in row.calls), None)


def without_ratio(reason: str | None) -> str:
    """Return a reason without the ratio of its own sample, to count by."""
    return "kept" if reason is None else re.sub(r"(?<=IFD) \S+(?= is)", "", reason)


def _share(count: int, total: int) -> tuple[str, str, str]:
    share = wilson(count, total)
    bounds = f"[{100 * share.low:.1f}, {100 * share.high:.1f}]"
    return f"{count:,} of {total:,}", f"{100 * share.value:.1f} %", bounds


def _counted(counts: Counter[str], total: int) -> list[tuple[str, str, str]]:
    return [
        (name, f"{count:,}", f"{100 * count / total:.1f} %") for name, count in counts.most_common()
    ]


def _calls(rows: Sequence[RecycledRow]) -> Iterator[tuple[str, list[str]]]:
    """Yield for each status of a call how many there are of it, by reflection."""
    counts = {stage: Counter[str]() for stage in REFLECTIONS}
    for row in rows:
        for variant, call in row.calls.items():
            stage = "instruction" if variant == "instruction" else "response"
            counts[stage][call["status"]] += 1
    for status in dict.fromkeys(status for counted in counts.values() for status in counted):
        yield status, [f"{counted[status]:,}" for counted in counts.values()]


def _teacher(material: Material) -> Iterator[tuple[str, str]]:
    """Yield what the teacher was and what it cost."""
    if material.recycled is None:
        return
    spent: Mapping[str, Any] = material.recycled.get("teacher", {})
    inputs = material.recycled.get("inputs", {})
    yield "teacher", str(inputs.get("teacher", {}).get("model", "") or "unknown")
    names = {"num_replies": "replies", "read": "tokens read", "written": "tokens written"}
    for name, label in names.items():
        if name in spent:
            yield label, told(spent[name])
    if spent.get("num_untold"):
        yield "replies that told no tokens", told(spent["num_untold"])
    attempts = [call["num_attempts"] for row in material.rows for call in row.calls.values()]
    if attempts:
        yield "attempts a reflection, mean", f"{sum(attempts) / len(attempts):.3f}"
    yield from _cost(material, spent.get("cost"))


def _cost(material: Material, cost: float | None) -> Iterator[tuple[str, str]]:
    prices = material.config.teacher
    if not cost:
        has_prices = prices.price_read + prices.price_written > 0
        yield "cost", "0" if has_prices else "unknown: [teacher] names no prices"
        return
    num_kept = sum(row.is_kept for row in material.rows)
    yield "cost", f"{cost:,.4f} ({prices.price_read:g} / {prices.price_written:g} a million tokens)"
    yield "cost a sample", f"{cost / len(material.rows):.6f}"
    if num_kept:
        yield "cost a sample that is kept", f"{cost / num_kept:.6f}"


def _warnings(material: Material) -> Iterator[str]:
    summary = material.recycled
    if summary is None:
        yield "recycled.json is missing: recycling was stopped while it wrote; run it again."
        return
    if summary.get("recycled_sha256") != material.rows_sha256:
        yield "recycled.jsonl is not the file that recycled.json describes: run recycle again."
    if summary.get("num_passing"):
        yield f"{summary['num_passing']:,} samples wait for another go: run recycle again."
