"""The tokenizers that building is tested with: the demo model's, and Llama 3's real vocabulary."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from tests import llama3
from tests.tokenizer import CONTROL, CORPUS, TEMPLATE, make_tokenizer

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


def sentencepiece_tokenizer() -> Any:
    """Return one like Llama 2's in its newer form: pieces with ▁ for blanks, then bytes."""
    tokenizer = _pieces()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return _wrapped(tokenizer)


def legacy_tokenizer() -> Any:
    """Return the same in its older form, which puts a ▁ before every text, also behind a token."""
    tokenizer = _pieces()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return _wrapped(tokenizer)


def _pieces() -> Tokenizer:
    trained = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.Metaspace(prepend_scheme="first")]
    )
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    trained.train_from_iterator([CORPUS.replace("\n", " ")] * 4, trainer)
    model = json.loads(trained.to_str())["model"]
    pieces = dict.fromkeys(["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"]])
    tokenizer = Tokenizer(
        models.BPE(
            {piece: id for id, piece in enumerate(pieces)},
            [(left, right) for left, right in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    return tokenizer


def _wrapped(tokenizer: Any) -> Any:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = TEMPLATE
    return wrapped
