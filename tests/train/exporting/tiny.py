"""A run that was tuned: a Llama of one layer, its adapter, and the data it was taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from decoding.format import ReplyFormat
from tests.tokenizer import TEMPLATE, make_tokenizer
from train.building.dataset import KINDS, MASKED, Row, write_built
from train.config import Config
from train.exporting.settings import Export
from train.exporting.trials import prompt_ids
from train.fine_tuning.settings import Sft
from train.segments import Kind
from train.settings import Run

QUESTIONS = tuple(f"How many apples are {a} and {b}?" for a in range(4) for b in range(5, 9))
THOUGHT, REFLECTED, ANSWER = "3 apples and 4 apples", "that is right", "7 apples"


def tiny_tokenizer() -> Any:
    tokenizer = make_tokenizer()
    tags = ReplyFormat().tags
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        chat_template=TEMPLATE,
    )


def tiny_model(tokenizer: Any, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        initializer_range=0.6,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config).eval()


def tiny_adapter(model: Any, seed: int = 1) -> Any:
    """Wrap the model by an adapter that changes what it says, new rows of the tags included."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    last = model.config.vocab_size - 1
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        trainable_token_indices={"embed_tokens": [last - 1, last]},
    )
    adapted = get_peft_model(model, config)
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if weights.requires_grad:
                weights.normal_(std=0.3 if "lora" in name else 0.6)
    return adapted.eval()


def tiny_rows(tokenizer: Any) -> list[Row]:
    pieces = (
        (Kind.THINK, f"<thinking>{THOUGHT}"),
        (Kind.REFLECTION, f"<reflection>{REFLECTED}</reflection>"),
        (Kind.REDO, "</thinking>"),
        (Kind.OUTPUT, f"<output>{ANSWER}</output>"),
    )
    rows = []
    for number, question in enumerate(QUESTIONS):
        prompt = prompt_ids(tokenizer, question)
        ids, kinds = list(prompt), [0] * len(prompt)
        for kind, text in pieces:
            more = tokenizer(text, add_special_tokens=False)["input_ids"]
            ids += more
            kinds += [KINDS.index(kind)] * len(more)
        ids.append(tokenizer.eos_token_id)
        kinds.append(KINDS.index(Kind.OUTPUT))
        labels = [MASKED if kind == 0 else id for id, kind in zip(ids, kinds, strict=True)]
        columns = (np.array(ids), np.array(labels), np.array(kinds))
        rows.append(Row(f"row-{number}", "tiny", 0, *columns))
    return rows


def make_run(folder: Path, *, is_adapter: bool = False, has_built: bool = True) -> Config:
    """Lay a tuned model or adapter, its base and its data into a run's folder."""
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    base, tuned = folder / "base", folder / "run" / "tuned"
    if is_adapter:
        model.save_pretrained(base)
        tokenizer.save_pretrained(base)
        tiny_adapter(model).save_pretrained(tuned)
    else:
        model.save_pretrained(tuned)
    tokenizer.save_pretrained(tuned)
    if has_built:
        rows = tiny_rows(tokenizer)
        manifest = {
            "reply_format": ReplyFormat().to_dict(),
            "end_of_turn_id": tokenizer.eos_token_id,
            "system_prompts": {"": len(rows)},
        }
        write_built(
            folder / "run" / "built", {"train": rows, "holdout": []}, tokenizer, [], manifest
        )
    return Config(
        run=Run("tiny", folder / "run"),
        sft=Sft(model=str(base) if is_adapter else ""),
        export=Export(dtype="float32", self_test=4),
    )
