from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from train.errors import TrainError
from train.fine_tuning.isolation import MOST, check_isolation, measure_leak


def model(attention: str = "sdpa") -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.3,
    )
    config._attn_implementation = attention
    return LlamaForCausalLM(config)


class Careless:
    """A model that does not look where a sample begins."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, *, position_ids: Any = None, **rest: Any) -> Any:
        return self.inner(**rest)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_samples_in_a_row_see_nothing_of_one_another(attention: str) -> None:
    assert measure_leak(model(attention)) < 1e-4
    check_isolation(model(attention))


def test_a_model_in_which_they_do_is_refused() -> None:
    careless = Careless(model())
    assert measure_leak(careless) > 5 * MOST
    with pytest.raises(TrainError, match=r"samples in a row of Careless see one another"):
        check_isolation(careless)


def test_measuring_leaves_the_model_training() -> None:
    student = model().train()
    measure_leak(student)
    assert student.training
