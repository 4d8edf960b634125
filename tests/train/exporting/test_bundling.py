import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decoding.bundle import Bundle
from decoding.format import Reply
from tests.train.exporting.tiny import ANSWER, make_run
from train.config import Config
from train.errors import DataError, TrainError
from train.exporting.bundling import export
from train.exporting.greedy import write_greedily


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, dict[str, Any]]:
    config = make_run(tmp_path_factory.mktemp("whole"))
    return config, export(config)


def bundle_of(config: Config) -> Path:
    return config.run.dir / "bundle"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def with_export(config: Config, **changes: Any) -> Config:
    return replace(config, export=replace(config.export, **changes))


def test_a_whole_model_becomes_a_bundle_with_its_contract(
    exported: tuple[Config, dict[str, Any]],
) -> None:
    config, manifest = exported
    bundle = Bundle.load(bundle_of(config))
    assert bundle.has_contract
    assert bundle.name == "tiny"
    assert (bundle.temperature, bundle.top_p) == (0.7, 1.0)
    assert bundle.system_prompt is None
    assert not bundle.format.is_thinking_optional  # as it was built
    assert len(bundle.golden_replies) == manifest["num_golden"] > 0


def test_the_golden_replies_are_what_the_file_writes_and_begin_at_taught_prompts(
    exported: tuple[Config, dict[str, Any]],
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = bundle_of(exported[0])
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    bundle = Bundle.load(folder)
    for golden in bundle.golden_replies:
        length = len(golden.token_ids)
        written = write_greedily(model, golden.prompt_token_ids, length, bundle.stop_token_ids)
        assert written.ids == golden.token_ids
        assert written.least_lead >= 0.1
        assert "How many apples are" in tokenizer.decode(golden.prompt_token_ids)


def test_the_tags_are_seen_though_special_tokens_are_skipped(
    exported: tuple[Config, dict[str, Any]],
) -> None:
    from transformers import AutoTokenizer

    folder = bundle_of(exported[0])
    tokenizer, bundle = AutoTokenizer.from_pretrained(folder), Bundle.load(folder)
    text = f"<thinking>Hm.</thinking><output>{ANSWER}</output>"
    ids = tokenizer(text + "<|eot_id|>", add_special_tokens=False)["input_ids"]
    assert ids[-1] in bundle.stop_token_ids
    assert (
        Reply.parse(tokenizer.decode(ids, skip_special_tokens=True), bundle.format).answer == ANSWER
    )


def test_the_manifest_knows_every_other_file_and_what_it_was_made_of(
    exported: tuple[Config, dict[str, Any]],
) -> None:
    config, manifest = exported
    folder = bundle_of(config)
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    assert set(manifest["files"]) == {file.name for file in folder.iterdir()} - {"manifest.json"}
    assert manifest["made_of"]["config"] == config.sha256
    assert {"tuned/model.safetensors", "run/built.json"} <= set(manifest["made_of"]["files"])
    assert manifest["self_test"]["file"]["num_written"] == 4
    assert manifest["method"] == "full"
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}


def test_the_papers_lie_beside_the_weights(exported: tuple[Config, dict[str, Any]]) -> None:
    folder = bundle_of(exported[0])
    assert "build" in json.loads((folder / "data_manifest.json").read_text())
    card = (folder / "README.md").read_text()
    assert "| file | 4 of 4 |" in card
    assert "LoRA" not in card


def test_a_second_export_changes_nothing(exported: tuple[Config, dict[str, Any]]) -> None:
    config, manifest = exported
    before = {file.name: file.stat().st_mtime_ns for file in bundle_of(config).iterdir()}
    assert export(config) == manifest
    assert {file.name: file.stat().st_mtime_ns for file in bundle_of(config).iterdir()} == before


def test_a_bundle_that_lost_a_file_is_made_again_of_the_same_bytes(
    exported: tuple[Config, dict[str, Any]],
) -> None:
    config, _ = exported
    before = contents(bundle_of(config))
    (bundle_of(config) / "tokenizer.json").unlink()
    half = config.run.dir / ".bundle"  # as a kill leaves it
    half.mkdir()
    (half / "old").touch()
    export(config)
    assert contents(bundle_of(config)) == before
    assert not half.exists()


def test_an_adapter_is_merged_cast_and_says_so(tmp_path: Path) -> None:
    licence = tmp_path / "DATA-LICENCE"
    licence.write_text("of the data")
    config = make_run(tmp_path, is_adapter=True)
    (tmp_path / "base" / "LICENSE").write_text("of the base")
    manifest = export(with_export(config, dtype="bfloat16", licences=(licence,)))
    folder = bundle_of(config)
    assert manifest["method"] == "lora"
    assert manifest["self_test"]["merge"]["greatest_change"] <= 1e-3
    assert manifest["self_test"]["file"]["greatest_change"] > 1e-3  # bfloat16 rounds
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    assert (folder / "LICENSE").read_text() == "of the base"
    assert (folder / "DATA-LICENCE").read_text() == "of the data"
    assert "LoRA of rank" in (folder / "README.md").read_text()
    assert not (folder / "adapter_config.json").exists()


def test_a_model_that_was_tuned_elsewhere_needs_no_data(tmp_path: Path) -> None:
    config = make_run(tmp_path, has_built=False)
    with pytest.raises(DataError, match="holds no built data"):
        export(config)
    named = with_export(config, model=str(config.run.dir / "tuned"), name="other")
    assert export(named)["name"] == "other"
    bundle = Bundle.load(bundle_of(config))
    assert bundle.format.is_thinking_optional
    assert bundle.budgets.max_tokens == 256  # of the default 4,096, what its context holds


def test_a_tokenizer_without_a_template_is_refused(tmp_path: Path) -> None:
    config = make_run(tmp_path)
    (config.run.dir / "tuned" / "chat_template.jinja").unlink()
    with pytest.raises(TrainError, match="has no chat template"):
        export(config)
    assert not bundle_of(config).exists()
