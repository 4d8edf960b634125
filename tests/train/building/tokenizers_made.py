"""The tokenizers that building is tested with: the demo model's, and Llama 3's real vocabulary."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from tests import llama3
from tests.tokenizer import TEMPLATE, make_tokenizer

DEMO = Path(__file__).parents[3] / "models" / "demo"


def demo_tokenizer() -> Any:
    """A new one each time: tests may add to it."""
    return PreTrainedTokenizerFast.from_pretrained(DEMO)


@cache
def _llama3_vocabulary() -> Any:
    file = llama3.ranks_file()
    if file is None:
        pytest.skip("Llama 3's vocabulary comes with the package llama-models")
    return llama3.make_tokenizer(file)


def llama3_tokenizer() -> Any:
    """Llama 3's, with a template of its form; a new one each time, which takes seconds."""
    return _wrapped(_llama3_vocabulary())


def small_tokenizer() -> Any:
    """Return one with Llama 3's control tokens, a few merges and no tags; a new one each time."""
    return _wrapped(make_tokenizer())


def _wrapped(tokenizer: Any) -> Any:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = TEMPLATE
    return wrapped
