"""A run small enough for tests: a model of one layer, built data of a few dozen samples."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from train.building.dataset import KINDS, MASKED, Row, Split, write_built
from train.config import Config, load_config

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"
TAGS = ["<verify>", "</verify>"]
NUM_ROWS = 40


@cache
def demo_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(DEMO)


def tagged_tokenizer() -> Any:
    """The demo's, with two tags that its models do not know."""
    from transformers import AddedToken, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in TAGS])
    return tokenizer


def make_base(folder: Path, *, is_tied: bool = True, rows: int = 0) -> Path:
    """Write a Llama of one layer and 16 wide with the demo's tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = demo_tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=rows or len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=is_tied,
            initializer_range=0.3,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_rows(tokenizer: Any, count: int = NUM_ROWS, seed: int = 0) -> list[Row]:
    """Return conversations with a masked mistake, a reflection and a repair, of many lengths."""
    rng = np.random.default_rng(seed)
    opening, closing = TAGS if TAGS[0] in tokenizer.get_vocab() else ("", "")
    rows = []
    for index in range(count):
        left, right = rng.integers(2, 9, 2)
        pieces = [
            (
                "prompt",
                f"{tokenizer.bos_token}What is {left} and {right}?" + " Say." * (index % 9),
            ),
            ("think", f"<thinking>{left}+{right}"),
            ("wrong", f"={left * right + 1}"),
            ("reflection", f"<reflection>{opening}No.{closing}</reflection>"),
            ("redo", f"={left + right}</thinking>"),
            ("output", f"<output>{left + right}</output>{tokenizer.eos_token}"),
        ]
        encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for _, text in pieces]
        kinds = [[KINDS.index(k)] * len(ids) for (k, _), ids in zip(pieces, encoded, strict=True)]
        ids = np.array([id for part in encoded for id in part], dtype=np.int32)
        of_kind = np.array([kind for part in kinds for kind in part], dtype=np.int8)
        is_masked = np.isin(of_kind, [KINDS.index("prompt"), KINDS.index("wrong")])
        labels = np.where(is_masked, MASKED, ids).astype(np.int32)
        rows.append(Row(f"{seed}-{index}", "tiny", 0, ids, labels, of_kind))
    return rows


def make_run(folder: Path, tokenizer: Any = None, *, num_holdout: int = 5, **base: Any) -> Path:
    """Write base model, built data and run.toml; return the TOML file."""
    tokenizer = tokenizer or demo_tokenizer()
    make_base(folder / "base", **base)
    rows: dict[Split, list[Row]] = {
        "train": make_rows(tokenizer),
        "holdout": make_rows(tokenizer, num_holdout, seed=1),
    }
    write_built(folder / "run" / "built", rows, tokenizer, [], {"data": "tiny"})
    file = folder / "run.toml"
    file.write_text(
        f"""
[run]
name = "tiny"
dir = "{folder / "run"}"
[sft]
model = "{folder / "base"}"
lr = 1e-2
batch = 8
micro_batch = 2
window = 2
epochs = 2
precision = "float32"
log_every = 2
""",
        "utf-8",
    )
    return file


def tiny_config(folder: Path, *changes: str, **base: Any) -> Config:
    return load_config(make_run(folder, **base), changes)
