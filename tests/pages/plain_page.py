"""A page of the least, whose samples are texts of some kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pages.page import render_page, script_json


def plain_page(samples: Sequence[Mapping[str, str]], title: str = "Plain", plot: str = "") -> str:
    """Return the page."""
    return render_page("tests.pages.plain", title=title, plot=plot, data=script_json(samples))
