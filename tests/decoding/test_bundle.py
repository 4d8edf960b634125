"""Bundles: what is saved is what is loaded; what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decoding.bundle import BudgetDefaults, Bundle, BundleError, GoldenReply
from decoding.format import ReplyFormat


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"eos_token_id": 7}')
    return tmp_path


def rich(folder: Path) -> Bundle:
    return Bundle(
        folder=folder,
        name="demo",
        stop_token_ids=(5, 7),
        format=ReplyFormat("think", "reflect", "answer", 4),
        reply_prefix="<think>\n",
        budgets=BudgetDefaults(100, 1, 3, 20, 300),
        efforts={"low": 10, "high": 100},
        system_prompt="Thïnk.",
        golden_replies=(GoldenReply((1, 2), (3, 4)),),
        temperature=0.7,
        top_p=0.9,
        has_contract=True,
    )


def test_what_is_saved_is_what_is_loaded(folder: Path) -> None:
    bundle = rich(folder)
    bundle.save()
    assert Bundle.load(folder) == bundle
    assert not [path for path in folder.iterdir() if path.name.startswith("tmp")]


def test_saving_keeps_the_other_generation_defaults(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"bos_token_id": 1, "temperature": 2.0}')
    rich(folder).save()
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["bos_token_id"] == 1
    assert (generation["temperature"], generation["eos_token_id"]) == (0.7, [5, 7])


def test_greedy_defaults_survive_the_round_trip(folder: Path) -> None:
    bundle = replace(rich(folder), temperature=0.0)
    bundle.save()
    assert Bundle.load(folder).temperature == 0.0


def test_any_model_folder_is_a_bundle_with_defaults(folder: Path) -> None:
    bundle = Bundle.load(folder)
    assert not bundle.has_contract
    assert (bundle.format, bundle.stop_token_ids, bundle.temperature) == (ReplyFormat(), (7,), 1.0)
    (folder / "generation_config.json").write_text('{"eos_token_id": [8, 9], "temperature": 0.6}')
    bundle = Bundle.load(folder)
    assert (bundle.stop_token_ids, bundle.temperature) == ((8, 9), 0.6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version must be 1, not 2"),
        ({"colour": "blue"}, "unknown keys ['colour']"),
        ({"name": 7}, "name must be a text"),
        ({"stop_token_ids": []}, "stop_token_ids must be one or more token ids"),
        ({"stop_token_ids": None}, "reflection.json"),
        ({"format": {"thinking": "a b"}}, "the tag name of thinking"),
        ({"format": {"thought": "a"}}, "unknown format keys ['thought']"),
        ({"budgets": {"max_tokens": "9"}}, "budgets.max_tokens must be an integer"),
        ({"budgets": {"min_reflections": 9}}, "is larger than max_reflections"),
        ({"budgets": {"tokens": 9}}, "tokens"),
        ({"efforts": {"low": -1}}, "efforts.low must be an integer"),
        ({"golden_replies": [{"token_ids": [1]}]}, "prompt_token_ids"),
    ],
)
def test_a_wrong_contract_is_refused_by_what_is_wrong_in_it(
    folder: Path, change: dict[str, Any], message: str
) -> None:
    rich(folder).save()
    path = folder / "reflection.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    assert message in str(caught.value)


def test_folders_that_are_no_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no config"):
        Bundle.load(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BundleError, match="must hold a JSON object, not a list"):
        Bundle.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BundleError, match="stop_token_ids"):
        Bundle.load(tmp_path)
    (tmp_path / "generation_config.json").write_bytes(b"\xff")
    with pytest.raises(BundleError, match="cannot be read as JSON"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize("generation", ['{"temperature": "hot"}', '{"top_p": [1]}'])
def test_sampling_defaults_that_are_no_numbers_are_refused(folder: Path, generation: str) -> None:
    (folder / "generation_config.json").write_text(generation)
    with pytest.raises(BundleError, match="generation_config"):
        Bundle.load(folder)
