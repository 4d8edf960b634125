import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.train.fine_tuning.tiny import TAGS, make_base, tagged_tokenizer
from train.errors import TrainError
from train.fine_tuning.settings import Lora, Sft
from train.fine_tuning.student import load_base, load_student, lora_config, warn_of_rank


def settings(folder: Path, **changes: object) -> Sft:
    make_base(folder / "base")
    tagged_tokenizer().save_pretrained(folder / "tokenizer")
    return replace(Sft(model=str(folder / "base")), **changes)  # type: ignore[arg-type]


def test_what_is_tuned_is_float32(tmp_path: Path) -> None:
    student = load_student(settings(tmp_path), tmp_path / "tokenizer")
    assert {p.dtype for p in student.model.parameters()} == {torch.float32}
    assert list(student.new_ids) == student.tokenizer.convert_tokens_to_ids(TAGS)


def test_lora_keeps_the_base_in_the_precision_of_the_arithmetic(tmp_path: Path) -> None:
    student = load_student(settings(tmp_path, method="lora"), tmp_path / "tokenizer")
    dtypes = {p.requires_grad: p.dtype for p in student.model.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}


def test_the_base_is_the_same_at_every_call(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    one, two = (load_base(chosen, tmp_path / "tokenizer").model.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_model_without_new_tags_tunes_no_rows(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    base = load_base(chosen, tmp_path / "base")
    assert lora_config(Lora(), base).trainable_token_indices is None


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"sft\.model is missing"):
        load_base(Sft(), tmp_path)
    with pytest.raises(TrainError, match=r"cannot load sft\.model = '.*nowhere'"):
        load_base(Sft(model=str(tmp_path / "nowhere")), tmp_path)


@pytest.mark.parametrize(
    ("method", "rank", "has_reflections", "is_warned"),
    [
        ("lora", 16, True, True),
        ("lora", 64, True, False),
        ("lora", 16, False, False),
        ("full", 16, True, False),
    ],
)
def test_a_rank_too_small_for_reflections_is_warned_of(
    method: str, rank: int, has_reflections: bool, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_rank(Sft(method=method, lora=Lora(rank=rank)), has_reflections)  # type: ignore[arg-type]
    assert ("Physics of Language Models 2.2" in caplog.text) == is_warned
