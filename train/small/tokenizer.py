"""The demo model's tokenizer: byte-level BPE, single digits, Llama 3 control tokens, six tags.

The tags are added tokens that are not special: one id each, never split, and still visible when a
server decodes with skip_special_tokens=True.
"""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from decoding.format import ReplyFormat
from train.segments import Lessons

CONTROL = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|pad|>",
)
BOS, EOS, PAD = "<|begin_of_text|>", "<|eot_id|>", "<|pad|>"
# A sign with the blanks around it is one piece; so is a word with the blank before it.
PIECES = r"\d| ?\p{L}+| ?[^\s\p{L}\d]+ ?|\s+"
# System turns are dropped: a model of this size cannot use them, and servers like to send one.
CHAT_TEMPLATE = (
    "{{- bos_token }}"
    "{%- for m in messages %}{%- if m['role'] != 'system' %}"
    "{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if m['role'] == 'assistant' %}"
    "{% generation %}{{- m['content'] | trim + '<|eot_id|>' }}{% endgeneration %}"
    "{%- else %}{{- m['content'] | trim + '<|eot_id|>' }}{%- endif %}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)


def train_tokenizer(
    lessons: Lessons, seed: int, vocab_size: int, num_examples: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Learn the merges from training examples; deterministic."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tags = ReplyFormat().tags
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(CONTROL) - len(tags),
        special_tokens=[],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(_corpus(lessons, seed, num_examples), trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in tags])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        model_max_length=max_length,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _corpus(lessons: Lessons, seed: int, num_examples: int) -> list[str]:
    corpus = []
    for index in range(num_examples):
        example = lessons.example(seed, index, 1.0)
        reply = example.reply
        for tag in ReplyFormat().tags:
            reply = reply.replace(tag, "")
        corpus += [example.problem.prompt, reply, "user", "assistant", "\n\n"]
    return corpus


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """Return the ids of a one-turn conversation up to where the assistant starts."""
    ids: list[int] = tokenizer(prompt_text(tokenizer, prompt), add_special_tokens=False)[
        "input_ids"
    ]
    return ids


def prompt_text(tokenizer: Any, prompt: str) -> str:
    """Return the text of a one-turn conversation up to where the assistant starts."""
    text: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
    )
    return text
