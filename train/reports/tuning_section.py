"""What a report says of building and tuning: counts, drops, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from train.fine_tuning.steps import last_losses
from train.reports import plots
from train.reports.flat_rows import flat_rows
from train.reports.material import Manifest, Material
from train.reports.plots import Curve

Context = dict[str, Any]
LOSSES = {"loss": "loss", "holdout": "holdout_loss"}
PER_KIND = "loss/"
PANELS = {
    "learning rate": "lr",
    "gradient norm": "grad_norm",
    "share of tokens with a loss": "loss_share",
    "tokens a second": "tokens_per_s",
}
APART = ("format", "identity", "versions", "inputs")  # what was used: shown with the provenance


def building_section(material: Material) -> Context | None:
    """Return the manifest of the built data as facts; None where nothing was built."""
    return None if material.built is None else {"facts": _facts(material.built)}


def tuning_section(material: Material) -> Context | None:
    """Return facts and curves; None where nothing was tuned."""
    if material.sft is None and not material.curves:
        return None
    panels, losses = curve_panels(material.curves), last_losses(material.curves)
    return {
        "facts": [] if material.sft is None else _facts({**material.sft, "at the end": losses}),
        "plot": plots.curves(panels, "curves") if panels else "",
        "is_finished": material.sft is not None,
        "num_steps": f"{material.curves[-1]['step']:,}" if material.curves else "0",
    }


def curve_panels(steps: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Curve]]:
    """Return the curves by panel; those alone of which there is a figure."""
    kinds = dict.fromkeys(name for step in steps for name in step if name.startswith(PER_KIND))
    wanted = {
        "loss": LOSSES,
        "loss by kind": {name.removeprefix(PER_KIND): name for name in kinds},
        **{title: {title: name} for title, name in PANELS.items()},
    }
    panels = {
        title: {label: curve for label, name in names.items() if (curve := _curve(steps, name))[0]}
        for title, names in wanted.items()
    }
    return {title: lines for title, lines in panels.items() if lines}


def _curve(steps: Sequence[Mapping[str, float]], name: str) -> Curve:
    found = [(step["step"], step[name]) for step in steps if name in step]
    return [at for at, _ in found], [value for _, value in found]


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    shown = {name: value for name, value in manifest.items() if name not in APART}
    return [row for row in flat_rows(shown) if not row[0].endswith("sha256")]
