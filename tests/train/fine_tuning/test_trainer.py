from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.fine_tuning.tiny import NUM_ROWS, demo_tokenizer, make_rows, tiny_config
from train.building.dataset import KINDS, MASKED
from train.fine_tuning.steps import read_curves
from train.fine_tuning.tuning import Tuning

CHANGES = (
    f"sft.batch={NUM_ROWS}",
    f"sft.micro_batch={NUM_ROWS}",
    "sft.epochs=1",
    "sft.trainer.max_grad_norm=0.3",
)


def reference(folder: Path) -> tuple[dict[str, float], float]:
    """Return the mean loss of each kind, masked or not, and of all trained tokens, row by row."""
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    losses: dict[str, list[float]] = {name: [] for name in KINDS}
    trained = []
    for row in make_rows(demo_tokenizer()):
        ids = torch.tensor(row.input_ids, dtype=torch.int64)
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1]
        of_tokens = torch.nn.functional.cross_entropy(logits, ids[1:], reduction="none").tolist()
        for loss, kind, target in zip(of_tokens, row.kinds[1:], row.labels[1:], strict=True):
            losses[KINDS[kind]].append(loss)
            trained += [loss] if target != MASKED else []
    return {name: sum(each) / len(each) for name, each in losses.items()}, sum(trained) / len(
        trained
    )


def test_losses_are_those_of_a_plain_forward_pass_over_each_row(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, *CHANGES)
    Tuning(config.sft, config.run.dir, 1, is_silent=True).tune()
    (told,) = read_curves(config.run.dir / "tuning")
    of_kinds, of_all = reference(tmp_path)
    assert told["loss"] == pytest.approx(of_all, rel=1e-5)
    for name in ("think", "reflection", "redo", "output"):
        assert told[f"loss/{name}"] == pytest.approx(of_kinds[name], rel=1e-5)
    assert told["masked_loss/wrong"] == pytest.approx(of_kinds["wrong"], rel=1e-5)
