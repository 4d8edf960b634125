"""Students small enough for tests: one layer of 16, byte-level or SentencePiece-like tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)

from train.sample import Sample

SPECIAL = ["<s>", "</s>", "<|eot|>"]
TEXTS = [
    "Name three rivers of Europe and say where they end.",
    "The Danube ends in the Black Sea, the Rhine in the North Sea, the Rhone at Marseille.",
    "Read this response. Write the instruction that it was given for. USER: ASSISTANT:",
    "A user talks to an AI assistant, whose answers are helpful, polite and complete.",
    "Explain why 2 + 2 = 4 to a child of six; use apples, please!",
]
CHAT = "<s>{% for m in messages %}[{{ m.role }}] {{ m.content }}<|eot|>{% endfor %}[assistant] "


def make_tokenizer(*, writes_a_space: bool = False) -> Any:
    """Train a byte-level BPE, or one that writes a space before a text as Llama 2's does."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=writes_a_space))
    if writes_a_space:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        alphabet = sorted(set("".join(TEXTS).replace(" ", "▁")) | {"\n", "#"})
        tokenizer.decoder = decoders.Metaspace()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", chat_template=CHAT
    )


def make_student(folder: Path, **changes: Any) -> Path:
    """Write a random model with its tokenizer and return the folder."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    config: Any = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.5,
        **changes,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_gemma(folder: Path, *, sees: bool) -> Path:
    """Write a random Gemma 3, of text alone or one that sees, whose text is a part of it."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    text: Any = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=256,
        sliding_window=32,
        initializer_range=0.5,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=1,
    )
    vision: Any = SiglipVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
    )
    whole: Any = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    model = Gemma3ForConditionalGeneration(whole) if sees else Gemma3ForCausalLM(text)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_samples(num: int) -> dict[str, Sample]:
    """Return different samples of different lengths, by id."""
    samples = [
        Sample(
            f"{TEXTS[at % 5]} {at}", f"{at}: {TEXTS[(at + 1) % 5]} " * (1 + at % 4), "x" * (at % 3)
        )
        for at in range(num)
    ]
    return {sample.id: sample for sample in samples}
