import json
import random
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from files.whole import write_whole
from tests.train.fine_tuning.processes import launch, run, start
from tests.train.fine_tuning.tiny import make_run, tagged_tokenizer
from train.building.dataset import load_built
from train.command import REFUSED, STOPPED
from train.config import load_config
from train.errors import DataError, TrainError
from train.fine_tuning.columns import lengths
from train.fine_tuning.steps import last_losses, read_curves
from train.fine_tuning.tuning import Tuning

NUM_KILLS = 4
LORA = ("sft.method=lora", "sft.lora.rank=4", "sft.lora.dropout=0.1")


def tune(file: Path, *changes: str, is_forced: bool = False) -> dict[str, Any]:
    config = load_config(file, changes)
    tuning = Tuning(config.sft, config.run.dir, 1, is_forced=is_forced, is_silent=True)
    return tuning.tune()


def weights(file: Path) -> bytes:
    tuned = file.parent / "run" / "tuned"
    return next(tuned.glob("*model.safetensors")).read_bytes()


def manifest_of(file: Path) -> str:
    return (file.parent / "run" / "tuning" / "sft.json").read_text("utf-8")


def checkpoint_step(file: Path) -> int:
    found = (file.parent / "run" / "tuning").glob("checkpoint-*")
    return max((int(path.name.rpartition("-")[2]) for path in found), default=0)


def wait_for_step(file: Path, step: int, process: ForkServerProcess) -> None:
    while checkpoint_step(file) < step and process.is_alive():
        time.sleep(0.005)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, whose weights others must end with."""
    file = make_run(tmp_path_factory.mktemp("uninterrupted"))
    assert run(file) == 0
    return file


def test_a_run_that_is_done_says_what_it_did_and_is_not_done_again(uninterrupted: Path) -> None:
    before = weights(uninterrupted)
    manifest = tune(uninterrupted)
    assert manifest["num_steps"] == 10
    assert manifest["num_rows"] == 40
    assert manifest["tokens"]["wrong"] > 0
    assert "wrong" not in manifest["loss_tokens"]
    assert read_curves(uninterrupted.parent / "run" / "tuning")[-1]["loss"] < 6.5
    assert weights(uninterrupted) == before


def test_the_loss_is_told_for_each_kind_and_for_what_is_masked(uninterrupted: Path) -> None:
    first, *_, last = read_curves(uninterrupted.parent / "run" / "tuning")
    kinds = {"loss/think", "loss/reflection", "loss/redo", "loss/output", "masked_loss/wrong"}
    assert kinds | {"loss_share", "padding_share", "tokens_per_s", "grad_norm", "lr"} <= set(first)
    assert "loss/wrong" not in first
    assert last["loss/output"] < first["loss/output"]
    assert "holdout_loss/output" in last


def test_stopped_it_goes_on_to_the_same_weights(uninterrupted: Path, tmp_path: Path) -> None:
    file = make_run(tmp_path)
    process = start(file, "sft.save_every_s=0")
    wait_for_step(file, 3, process)
    assert process.pid is not None
    process.terminate()
    process.join()
    assert process.exitcode == STOPPED
    assert 3 <= checkpoint_step(file) < 10
    assert run(file) == 0
    assert weights(file) == weights(uninterrupted)


def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    uninterrupted: Path, tmp_path: Path
) -> None:
    file, rng, num_kills = make_run(tmp_path), random.Random(1), 0
    base = f"sft.model={uninterrupted.parent / 'base'}"  # which the manifest names
    while True:
        process = start(file, "sft.save_every_s=0", base)
        if num_kills < NUM_KILLS:
            wait_for_step(file, checkpoint_step(file) + 1, process)
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        num_kills += 1
    assert num_kills >= 3
    assert weights(file) == weights(uninterrupted)
    assert manifest_of(file) == manifest_of(uninterrupted)


def test_lora_with_dropout_goes_on_to_the_same_weights_too(tmp_path: Path) -> None:
    files = [make_run(tmp_path / name, tagged_tokenizer()) for name in ("whole", "stopped")]
    assert run(files[0], *LORA) == 0
    process = start(files[1], *LORA, "sft.save_every_s=0")
    wait_for_step(files[1], 2, process)
    process.terminate()
    process.join()
    assert process.exitcode == STOPPED
    assert run(files[1], *LORA) == 0
    assert weights(files[0]) == weights(files[1])


def test_two_processes_that_were_stopped_learn_what_one_does(
    uninterrupted: Path, tmp_path: Path
) -> None:
    file, base = make_run(tmp_path), f"sft.model={uninterrupted.parent / 'base'}"
    launcher = launch(file, tmp_path / "logs", "sft.save_every_s=0", base)
    wait_for_step(file, 3, launcher)
    launcher.terminate()
    launcher.join()
    assert launcher.exitcode == 1  # its own
    stopped = checkpoint_step(file)
    assert 3 <= stopped < 10
    (said,) = (tmp_path / "logs").rglob("0/stderr.log")
    assert f"stopped at step {stopped}; the same command goes on" in said.read_text("utf-8")
    launcher = launch(file, tmp_path / "again", base)
    launcher.join()
    assert launcher.exitcode == 0
    assert manifest_of(file) == manifest_of(uninterrupted)
    alone, together = (
        load_file(p.parent / "run/tuned/model.safetensors") for p in (uninterrupted, file)
    )
    start_weights = load_file(tmp_path / "base" / "model.safetensors")
    for name, expected in alone.items():
        torch.testing.assert_close(together[name], expected, rtol=0, atol=2e-5)
        assert (expected - start_weights[name]).abs().max() > 1e-2
    curves = [read_curves(p.parent / "run" / "tuning") for p in (uninterrupted, file)]
    for one, two in zip(*curves, strict=True):
        if stopped < one["step"] <= stopped + 2:  # told of the steps since it went on
            continue
        for name in one.keys() - {"tokens_per_s"} - {name for name in one if "masked" in name}:
            assert two[name] == pytest.approx(one[name], rel=1e-4), name


def test_packed_samples_cost_what_padded_ones_do(tmp_path: Path) -> None:
    files = {packing: make_run(tmp_path / packing) for packing in ("off", "bfd")}
    rows = lengths(load_built(tmp_path / "off" / "run" / "built").train)
    # one step over all, in as many rows as best-fit decreasing needs for them
    batches = {"off": len(rows), "bfd": num_packed(rows.tolist(), 100)}
    manifests = {}
    for packing, file in files.items():
        batch = batches[packing]
        manifests[packing] = tune(
            file,
            f"sft.packing={packing}",
            "sft.max_length=100",
            f"sft.batch={batch}",
            f"sft.micro_batch={batch}",
            "sft.epochs=1",
        )
    padded, packed = (read_curves(file.parent / "run" / "tuning")[0] for file in files.values())
    assert batches["bfd"] < batches["off"] / 2
    assert packed["padding_share"] == manifests["bfd"]["padding_share"] == 0
    assert manifests["off"]["padding_share"] == round(padded["padding_share"], 4) > 0
    for name in ("loss", "loss/think", "loss/output", "grad_norm", "holdout_loss"):
        assert packed[name] == pytest.approx(padded[name], rel=1e-4), name


def num_packed(sizes: list[int], room: int) -> int:
    from datasets import Dataset
    from trl import pack_dataset

    rows = Dataset.from_dict({"input_ids": [[1] * size for size in sizes]})
    return len(pack_dataset(rows, room, "bfd"))


def test_other_data_are_refused_until_it_is_restarted(uninterrupted: Path, tmp_path: Path) -> None:
    file = make_run(tmp_path)
    process = start(file, "sft.save_every_s=0")
    wait_for_step(file, 2, process)
    process.kill()
    process.join()
    built = tmp_path / "run" / "built" / "built.json"
    write_whole(built, json.dumps({**json.loads(built.read_text("utf-8")), "data": "other"}))
    with pytest.raises(TrainError, match=r"was made with other data: --restart"):
        tune(file)
    tune(file, is_forced=True)
    assert weights(file) == weights(uninterrupted)
    with pytest.raises(TrainError, match=r"was tuned with other settings: --restart tunes anew"):
        tune(file, "sft.lr=1")


def test_where_the_tuned_model_is_gone_it_is_made_again(
    uninterrupted: Path, tmp_path: Path
) -> None:
    tuned, former = uninterrupted.parent / "run" / "tuned", weights(uninterrupted)
    tuned.rename(tmp_path / "tuned")
    assert run(uninterrupted) == 0
    assert weights(uninterrupted) == former


def test_restarting_forgets_what_was_tuned(uninterrupted: Path) -> None:
    assert run(uninterrupted, "--restart") == 0
    assert (uninterrupted.parent / "run" / "tuned").is_dir()


def test_a_sample_that_does_not_fit_is_refused_not_cut(tmp_path: Path) -> None:
    file = make_run(tmp_path)
    with pytest.raises(DataError, match=r"a sample has \d+ tokens, there is room for 30"):
        tune(file, "sft.packing=bfd", "sft.max_length=30")


def test_without_a_holdout_there_is_no_loss_on_it(tmp_path: Path) -> None:
    file = make_run(tmp_path, num_holdout=0)
    tune(file, "sft.epochs=0.2")
    assert "holdout_loss" not in last_losses(read_curves(tmp_path / "run" / "tuning"))


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path: Path) -> None:
    assert run(make_run(tmp_path), "sft.batch=9") == REFUSED


@pytest.mark.parametrize("is_tied", [True, False])
def test_lora_tunes_the_rows_of_new_tags_and_no_others(tmp_path: Path, is_tied: bool) -> None:
    from peft import PeftModel

    from train.fine_tuning.student import load_base

    tokenizer = tagged_tokenizer()
    file = make_run(tmp_path, tokenizer, is_tied=is_tied)
    manifest = tune(file, *LORA)
    assert manifest["num_tuned"] < manifest["num_parameters"] / 2
    settings = load_config(file, LORA).sft
    base = load_base(settings, tmp_path / "run" / "built" / "tokenizer", "float32")
    before = [m.weight.detach().clone() for m in heads(base.model)]
    merged = PeftModel.from_pretrained(base.model, tmp_path / "run" / "tuned").merge_and_unload()
    for old, head in zip(before, heads(merged), strict=True):
        changed = (head.weight != old).any(dim=1).nonzero().flatten().tolist()
        assert changed == list(base.new_ids)


def heads(model: Any) -> list[Any]:
    return [model.get_input_embeddings(), model.get_output_embeddings()]
