"""The bundle that ships: its manifest belongs to its files and keeps the promises made for it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from decoding.bundle import Bundle
from train.exporting.greedy import write_greedily
from train.small.sampling import load_model

FOLDER = Path(__file__).parents[3] / "models" / "demo"


@pytest.fixture(scope="module")
def manifest() -> Any:
    return json.loads((FOLDER / "manifest.json").read_text())


def test_the_files_are_those_of_the_manifest_and_small(manifest: Any) -> None:
    for name, file in manifest["files"].items():
        content = (FOLDER / name).read_bytes()
        assert len(content) == file["size_bytes"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"], name
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 12e6
    assert 1e6 <= manifest["num_parameters"] <= 4e6


def test_the_run_stayed_within_an_hour_of_one_core(manifest: Any) -> None:
    assert manifest["training"]["cpu_s"] <= 3600
    assert manifest["training"]["num_tokens"] >= manifest["recipe"]["num_tokens"]


def test_the_measured_figures_reach_the_targets(manifest: Any) -> None:
    figures = manifest["evaluation"]["figures"]
    words, countdown = figures["word problems, fresh"], figures["countdown, fresh"]
    assert min(words["n"], countdown["n"]) >= 500
    assert words["right"]["percent"] >= 90
    assert countdown["right"]["percent"] >= 80
    for found in (words, countdown):
        assert found["well_formed_of_finished"]["percent"] == 100
    gain = manifest["thinking_only"]["reflecting_minus_thinking_only"]["countdown, fresh"]
    assert gain["n"] >= 500
    assert gain["points"] >= 15


def test_the_baseline_saw_as_many_tokens(manifest: Any) -> None:
    ours, theirs = manifest["training"], manifest["thinking_only"]["training"]
    assert abs(ours["num_tokens"] - theirs["num_tokens"]) < manifest["recipe"]["batch_tokens"]


def test_the_readme_repeats_the_manifest(manifest: Any) -> None:
    readme = (FOLDER / "README.md").read_text()
    ours, theirs = manifest["evaluation"]["figures"], manifest["thinking_only"]["figures"]

    def shown(found: dict[str, float], format: str = "{}") -> str:
        return format.format(f"{found['percent']:.1f} [{found['low']:.1f}, {found['high']:.1f}]")

    for name, found in ours.items():
        row = [shown(found["right"], "**{}**"), shown(theirs[name]["right"])]
        row += [shown(found[key]) for key in ("finished", "well_formed_of_finished")]
        assert f"| {' | '.join(row)} | {found['mean_tokens']} |" in readme, name
    assert manifest["training"]["data_hash"] in readme
    assert manifest["thinking_only"]["training"]["data_hash"] in readme
    gain = manifest["thinking_only"]["reflecting_minus_thinking_only"]["countdown, fresh"]
    assert f"**{gain['points']} points above**" in readme
    assert f"[{gain['low']:.1f}, {gain['high']:.1f}]" in readme


def test_transformers_writes_the_golden_replies() -> None:
    bundle, model = Bundle.load(FOLDER), load_model(FOLDER)
    assert len(bundle.golden_replies) >= 8
    for golden in bundle.golden_replies:
        written = write_greedily(
            model, golden.prompt_token_ids, len(golden.token_ids), bundle.stop_token_ids
        )
        assert written.ids == golden.token_ids
        assert written.least_lead > 0.1
