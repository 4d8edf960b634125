import json
from dataclasses import replace
from pathlib import Path

import pytest

from decoding.bundle import Bundle
from tests.train.small.tiny import TINY, tiny_tokenizer, tiny_tuning
from train.exporting.greedy import write_greedily
from train.small import export
from train.small.finish import finish
from train.small.recipe import Recipe
from train.small.sampling import load_model
from train.small.tuning import Tuning


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tuning, Path]:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "NUM_GOLDEN_CANDIDATES", 4)
        patch.setattr(export, "GOLDEN_TOKENS", 8)
        patch.setattr(export, "NUM_REPLIES_MEASURED", 50)
        baseline = Tuning(TINY.thinking_only(), tiny_tokenizer(), folder / "baseline")
        finish(baseline, folder / "baseline", None, None, "train demo --thinking-only")
        tuning = tiny_tuning(folder / "run")
        (folder / "bundle" / "old").mkdir(parents=True)
        (folder / "bundle" / "notes.json").write_text("{}")
        finish(tuning, folder / "run", folder / "bundle", folder / "baseline", "train demo")
    return tuning, folder


def test_the_bundle_loads_with_its_contract(finished: tuple[Tuning, Path]) -> None:
    tuning, folder = finished
    bundle = Bundle.load(folder / "bundle")
    assert bundle.has_contract
    assert bundle.stop_token_ids == (tuning.tokenizer.eos_token_id,)
    assert bundle.temperature == TINY.temperature
    assert bundle.efforts["minimal"] <= bundle.efforts["low"] <= bundle.efforts["high"]
    assert bundle.efforts["high"] == bundle.budgets.max_thinking_tokens
    assert bundle.budgets.max_tokens > bundle.budgets.max_thinking_tokens


def test_the_bundle_has_every_file_that_transformers_reads(finished: tuple[Tuning, Path]) -> None:
    from transformers import AutoTokenizer

    tuning, folder = finished
    model = load_model(folder / "bundle")
    tokenizer = AutoTokenizer.from_pretrained(folder / "bundle")
    assert tokenizer.chat_template == tuning.tokenizer.chat_template
    for golden in Bundle.load(folder / "bundle").golden_replies:
        written = write_greedily(
            model, golden.prompt_token_ids, len(golden.token_ids), [tokenizer.eos_token_id]
        )
        assert written.ids == golden.token_ids


def test_the_manifest_says_how_it_was_made_and_compares_in_pairs(
    finished: tuple[Tuning, Path],
) -> None:
    _, folder = finished
    found = json.loads((folder / "bundle" / "manifest.json").read_text())
    assert found["command"] == "train demo"
    assert found["recipe"]["seed"] == TINY.seed
    assert found["evaluation"]["enforced"] is False
    paired = found["thinking_only"]["reflecting_minus_thinking_only"]["countdown, fresh"]
    assert paired["n"] == TINY.num_problems
    own = {"manifest.json", "notes.json", "old"}
    assert set(found["files"]) == {file.name for file in (folder / "bundle").iterdir()} - own


def test_what_else_is_in_the_folder_of_the_bundle_is_left_alone(
    finished: tuple[Tuning, Path],
) -> None:
    _, folder = finished
    assert (folder / "bundle" / "old").stat().st_mode & 0o111
    assert (folder / "bundle" / "notes.json").read_text() == "{}"


def test_an_export_cut_short_leaves_no_manifest_of_the_former_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    tuning = tiny_tuning(tmp_path / "run")
    (tmp_path / "manifest.json").write_text("{}")
    monkeypatch.setattr(tuning.model, "save_pretrained", kill)
    with pytest.raises(Killed):
        finish(tuning, tmp_path / "run", tmp_path, None, "train demo")
    assert not (tmp_path / "manifest.json").exists()


def test_a_baseline_of_another_recipe_is_not_compared_with(
    finished: tuple[Tuning, Path], tmp_path: Path
) -> None:
    from train.small.finish import read_baseline

    _, folder = finished
    assert read_baseline(folder / "baseline", TINY) is not None
    assert read_baseline(folder / "baseline", replace(TINY, seed=9)) is None
    assert read_baseline(tmp_path, Recipe()) is None
    assert read_baseline(None, Recipe()) is None
