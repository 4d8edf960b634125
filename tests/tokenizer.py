"""A tiny byte-level BPE tokenizer in a model folder, made without the network."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from decoding.bundle import BudgetDefaults, Bundle, GoldenReply
from decoding.format import ReplyFormat

CONTROL = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
TEMPLATE = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if message['role'] == 'assistant' %}"
    "{% generation %}{{- message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}"
    "{%- else %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
CORPUS = (
    "<thinking>\nLet me count: 3 apples and 4 apples make 7 apples.\n"
    "<reflection>\nWait, that is right.\n</reflection>\n</thinking>\n<output>\n7 apples\n</output>"
    " The answer is 42. How many apples does Mia have? Überraschung, naïve café, 数学 🙂."
)


def make_tokenizer(num_merges: int = 120) -> Tokenizer:
    """Train the tokenizer: 256 bytes, single digits, a few merges, Llama 3's control tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + num_merges,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([CORPUS] * 4, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    return tokenizer


def make_model_folder(
    folder: Path,
    *,
    format: ReplyFormat | None = None,
    reply_prefix: str = "",
    system_prompt: str | None = None,
    golden_replies: tuple[GoldenReply, ...] = (),
    budgets: BudgetDefaults | None = None,
    tags_are_tokens: bool = False,
) -> Bundle:
    """Write config, tokenizer and reflection.json, all but weights, and return the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    format = format or ReplyFormat()
    tokenizer = make_tokenizer()
    if tags_are_tokens:
        tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in format.tags])
    tokenizer.save(str(folder / "tokenizer.json"))
    eot = tokenizer.get_vocab()["<|eot_id|>"]
    config = {"model_type": "llama", "vocab_size": tokenizer.get_vocab_size(), "eos_token_id": eot}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer_config = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    bundle = Bundle(
        folder=folder,
        name="tiny",
        stop_token_ids=(eot,),
        format=format,
        reply_prefix=reply_prefix,
        budgets=budgets or BudgetDefaults(),
        system_prompt=system_prompt,
        golden_replies=golden_replies,
        temperature=0.7,
        top_p=0.9,
    )
    bundle.save()
    return Bundle.load(folder)
