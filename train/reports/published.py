"""Figures that others published about recycled data, to stand beside ours: each with its source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table: its columns, its rows with the first cell as their name, what it says."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    source: str


def published_tables() -> tuple[list[PublishedTable], list[str]]:
    """Return the tables in the file's order, and what is to be kept in mind with all of them."""
    text = files("train.reports").joinpath("published.json").read_text(encoding="utf-8")
    content = json.loads(text)
    sources = content["sources"]
    tables = [
        PublishedTable(**table | {"source": sources[table["source"]]})
        for table in content["tables"]
    ]
    return tables, content["caveats"]
