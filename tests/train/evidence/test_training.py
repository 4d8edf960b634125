import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from train.errors import DataError, TrainError
from train.evidence.arms import HALF, Scale, find
from train.evidence.recipe import arm_recipe
from train.evidence.training import (
    WEIGHTS,
    folder_of,
    is_done,
    new_tokens,
    tokenizer_of,
    train_arm,
)
from train.small.tuning import StoppedError

SEED = 1


@pytest.fixture(scope="module")
def out(tiny: Scale, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison in which the base is trained."""
    folder = tmp_path_factory.mktemp("evidence")
    train_arm(folder, find(HALF), SEED, tiny)
    return folder


def result(out: Path, arm: str) -> dict[str, Any]:
    return json.loads((folder_of(out, arm, SEED) / "result.json").read_text())


def weights(out: Path, arm: str) -> dict[str, torch.Tensor]:
    return torch.load(folder_of(out, arm, SEED) / WEIGHTS, weights_only=True)


def test_a_run_leaves_its_weights_and_figures(out: Path, tiny: Scale) -> None:
    found = result(out, HALF)
    assert is_done(out, find(HALF), SEED, tiny)
    assert not is_done(out, find("thinking"), SEED, tiny)
    assert found["training"]["num_tokens"] >= tiny.num_tokens / 2
    assert len(found["tries"]) == tiny.num_votes
    assert [len(one["right"]) for one in found["tries"]] == [tiny.num_puzzles] * tiny.num_votes
    assert found["figures"]["right"]["n"] == tiny.num_puzzles


def test_adapters_and_the_rows_of_new_tokens_alone_are_trained(out: Path, tiny: Scale) -> None:
    arm, base = find("LoRA"), find(HALF)
    train_arm(out, arm, SEED, tiny)
    before, after = weights(out, HALF), weights(out, arm.name)
    assert any("lora_B" in name and tensor.any() for name, tensor in after.items())
    tokenizer = tokenizer_of(arm, tiny)
    new = new_tokens(arm_recipe(arm, SEED, tiny), base, tokenizer)
    assert {"<reflection>", "</reflection>"} < set(tokenizer.convert_ids_to_tokens(new))
    for name, tensor in before.items():
        there = name if name in after else name.replace(".weight", ".base_layer.weight")
        changed = (after[there] != tensor).any(-1).nonzero().flatten().tolist()
        assert changed == (new if tensor.shape[0] == len(tokenizer) else []), name


def test_own_mistakes_and_their_control_start_from_the_same_weights(out: Path, tiny: Scale) -> None:
    train_arm(out, find("own mistakes"), SEED, tiny)
    train_arm(out, find("same puzzles"), SEED, tiny)
    mine, control = result(out, "own mistakes"), result(out, "same puzzles")
    assert mine["recipe"]["origin"] == control["recipe"]["origin"] != ""
    assert mine["recipe"]["lesson"]["own"] != control["recipe"]["lesson"]["own"]


def test_without_its_base_an_arm_says_what_is_missing(tmp_path: Path, tiny: Scale) -> None:
    with pytest.raises(DataError, match="continued starts from thinking, half, which is not tr"):
        train_arm(tmp_path, find("continued"), SEED, tiny)


def test_a_folder_of_another_scale_is_refused(tmp_path: Path, tiny: Scale) -> None:
    train_arm(tmp_path, find("direct"), SEED, tiny)
    other = replace(tiny, num_tokens=6000)
    with pytest.raises(TrainError, match="another recipe"):
        train_arm(tmp_path, find("direct"), SEED, other)
    with pytest.raises(DataError, match="is of another arm or scale: choose another --out"):
        is_done(tmp_path, find("direct"), SEED, other)


def test_a_stopped_run_goes_on_to_the_same_weights(
    out: Path, tiny: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = find("thinking")
    train_arm(out, arm, SEED, tiny)
    from train.small.tuning import Tuning

    step = Tuning.step

    def stopping(self: Tuning, batch: Any) -> None:
        step(self, batch)
        self.is_stopping = True

    with monkeypatch.context() as patched:
        patched.setattr(Tuning, "step", stopping)
        with pytest.raises(StoppedError):
            train_arm(tmp_path, arm, SEED, tiny)
    train_arm(tmp_path, arm, SEED, tiny)
    whole, resumed = weights(out, arm.name), weights(tmp_path, arm.name)
    assert all(whole[name].equal(resumed[name]) for name in whole)
    assert result(out, arm.name)["tries"] == result(tmp_path, arm.name)["tries"]
