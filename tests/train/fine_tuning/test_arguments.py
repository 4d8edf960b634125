from dataclasses import replace
from pathlib import Path

import pytest

from train.errors import ConfigError
from train.fine_tuning.arguments import (
    checkpoints_gradients,
    is_packing,
    make_arguments,
    num_micro_batches,
)
from train.fine_tuning.settings import Sft


def test_the_defaults_are_the_recipe_of_the_papers(tmp_path: Path) -> None:
    settings = Sft()
    made = make_arguments(settings, tmp_path, 1, 100, 1, is_packed=False, has_holdout=True)
    assert made.learning_rate == 2e-5
    assert made.per_device_train_batch_size * made.gradient_accumulation_steps == 128
    assert made.warmup_steps == 3
    assert made.weight_decay == 0
    assert made.lr_scheduler_type == "cosine"
    assert settings.epochs == 3
    assert settings.max_length == 2048
    assert made.average_tokens_across_devices


def test_lora_learns_ten_times_as_fast(tmp_path: Path) -> None:
    made = make_arguments(
        Sft(method="lora"), tmp_path, 1, 100, 1, is_packed=False, has_holdout=True
    )
    assert made.learning_rate == 2e-4


def test_more_of_trl_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = Sft(trainer={"max_grad_norm": 0.3, "adam_beta2": 0.95, "eval_steps": 7})
    made = make_arguments(settings, tmp_path, 1, 100, 1, is_packed=False, has_holdout=True)
    assert made.max_grad_norm == 0.3
    assert made.adam_beta2 == 0.95
    assert made.eval_steps == 7


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("learning_rate", r"sft\.trainer\.learning_rate: sft\.lr says so"),
        ("lr_scheduler_type", r"sft\.schedule says so"),
        ("warmup_steps", r"sft\.warmup says so"),
        ("weight_decay", r"sft\.weight_decay says so"),
        ("bf16", r"sft\.precision says so"),
        ("gradient_checkpointing", r"sft\.gradient_checkpointing says so"),
        ("per_device_eval_batch_size", r"sft\.micro_batch says so"),
        ("max_steps", r"sft\.epochs says so"),
        ("use_cpu", r"sft\.trainer\.use_cpu: tuning depends on its own"),
        ("average_tokens_across_devices", "tuning depends on its own"),
        ("dataset_kwargs", "tuning depends on its own"),
        ("remove_unused_columns", "tuning depends on its own"),
        ("eval_strategy", "tuning depends on its own"),
        ("logging_first_step", "tuning depends on its own"),
        ("disable_tqdm", "tuning depends on its own"),
        ("max_grad_nrm", r"SFTConfig has nothing of that name"),
    ],
)
def test_what_the_section_says_and_what_nobody_knows_is_refused(
    name: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        make_arguments(
            Sft(trainer={name: 1}), tmp_path, 1, 100, 1, is_packed=False, has_holdout=True
        )


def test_a_batch_is_shared_among_the_processes() -> None:
    assert num_micro_batches(Sft(batch=128, micro_batch=4), 8) == 4
    for count in (3, 64):
        with pytest.raises(ConfigError, match=rf"128 is no multiple of .* 4 times {count} proc"):
            num_micro_batches(Sft(batch=128, micro_batch=4), count)


def test_packing_by_itself_is_for_a_gpu_with_a_flash_kernel() -> None:
    assert is_packing(Sft(packing="bfd"))
    assert not is_packing(Sft(packing="off", attention="flash_attention_2"))
    assert not is_packing(Sft(packing="auto"))


def test_gradients_are_not_checkpointed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Sft(gradient_checkpointing="on")
    assert checkpoints_gradients(settings)
    assert not checkpoints_gradients(replace(settings, gradient_checkpointing="off"))
    monkeypatch.setenv("FSDP_ACTIVATION_CHECKPOINTING", "true")
    assert not checkpoints_gradients(settings)
