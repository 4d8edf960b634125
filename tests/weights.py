"""Variants of a model folder with other weights, and what transformers writes with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from decoding.bundle import Bundle

WEIGHTS = "model.safetensors"
RANK, ALPHA = 4, 8
Tensors = dict[str, npt.NDArray[np.float32]]


def make_variant(source: Path, folder: Path, seed: int, *, is_tied: bool = True) -> Path:
    """Copy a folder with its weights changed by a third, enough for other greedy replies.

    is_tied: whether the output head is the embedding; else it gets weights of its own
    """
    shutil.copytree(source, folder)
    draw = np.random.default_rng(seed)

    def change(tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return tensor * (1 + 0.3 * draw.standard_normal(tensor.shape, np.float32))

    weights: Tensors = {name: change(t) for name, t in load_file(folder / WEIGHTS).items()}
    if not is_tied:
        weights["lm_head.weight"] = change(weights["model.embed_tokens.weight"])
        config = json.loads((folder / "config.json").read_text())
        config["tie_word_embeddings"] = False
        (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    return folder


def make_adapter(base: Path, folder: Path, merged: Path) -> Path:
    """Write a LoRA adapter of a model, and the model with the adapter in its weights."""
    draw = np.random.default_rng(7)
    shutil.copytree(base, merged)
    weights, adapter = load_file(merged / WEIGHTS), Tensors()
    for name in [n for n in weights if n.endswith(("q_proj.weight", "v_proj.weight"))]:
        rows, columns = weights[name].shape
        down = draw.standard_normal((RANK, columns), np.float32) * np.float32(0.1)
        up = draw.standard_normal((rows, RANK), np.float32) * np.float32(0.1)
        weights[name] = weights[name] + up @ down * np.float32(ALPHA / RANK)
        module = f"base_model.model.{name.removesuffix('.weight')}"
        adapter |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    save_file(weights, merged / WEIGHTS, {"format": "pt"})
    folder.mkdir()
    save_file(adapter, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": ["q_proj", "v_proj"],
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def greedy_in_transformers(
    folder: Path, prompts: Sequence[Sequence[int]], max_tokens: int
) -> list[list[int]]:
    """Return the most likely tokens, up to one that ends the reply, by another implementation."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    stop_token_ids = Bundle.load(folder).stop_token_ids
    replies = []
    for prompt in prompts:
        token_ids = list(prompt)
        with torch.inference_mode():
            for _ in range(max_tokens):
                logits = model(torch.tensor([token_ids])).logits
                token_ids.append(int(logits[0, -1].argmax()))
                if token_ids[-1] in stop_token_ids:
                    break
        replies.append(token_ids[len(prompt) :])
    return replies
