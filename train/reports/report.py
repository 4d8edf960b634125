"""Report: a run of recycling, building and tuning as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from pages.page import render_page, script_json
from train.reports.browser_data import browser_data, chosen_rows
from train.reports.data_section import Coherence, data_section
from train.reports.lengths import Lengths
from train.reports.material import Material
from train.reports.provenance import provenance
from train.reports.published import published_tables
from train.reports.recycling_section import recycling_section
from train.reports.tuning_section import building_section, tuning_section

MAX_SAMPLES = 2000  # that a page holds: of 5 kB each, 10 MB


def render(
    material: Material,
    lengths: Lengths,
    coherence: Coherence | None,
    *,
    coherence_by: str = "",
    max_samples: int = MAX_SAMPLES,
    config_file: str = "run.toml",
    changes: Sequence[str] = (),
) -> str:
    """Return the page; `coherence_by` says in words how coherence was measured."""
    shown = chosen_rows(material.rows, max_samples)
    tables, caveats = published_tables()
    return render_page(
        "train.reports",
        title=material.config.run.name,
        config=material.config,
        num_rows=len(material.rows),
        num_kept=sum(row.is_kept for row in material.rows),
        num_shown=len(shown),
        recycling=recycling_section(material),
        data=data_section(material, lengths, coherence),
        coherence_by=coherence_by,
        building=building_section(material),
        tuning=tuning_section(material),
        published=tables,
        caveats=caveats,
        provenance=provenance(material, config_file, changes),
        samples=script_json(browser_data(shown)),
    )
