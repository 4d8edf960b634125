"""The dashboard asks for metrics that the server has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.records.metrics import Metrics
from tests.conftest import RealServer

FILE = Path(__file__).parents[3] / "server" / "records" / "dashboards" / "grafana.json"
NAME = re.compile(r"\b(?:reflect_|vllm:)[a-z_]+")


def asked() -> set[str]:
    """Return the names of the families in all expressions."""
    panels = json.loads(FILE.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(expressions) > 15
    names = {name for expression in expressions for name in NAME.findall(expression)}
    return {re.sub("_(total|bucket)$", "", name) for name in names}


def families(page: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(page)}


def test_every_family_of_ours_is_there() -> None:
    ours = {name for name in asked() if name.startswith("reflect_")}
    assert len(ours) > 5
    assert ours <= families(Metrics().render().decode())


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(FILE.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.engine
def test_every_family_is_on_the_page_of_the_real_server(real_server: RealServer) -> None:
    page = httpx.get(f"{real_server.url}/metrics", trust_env=False, timeout=30).text
    assert asked() - families(page) == set()
