"""Train tiny tokenizers and write them as the folders of models hold them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

TAGS = tuple(
    f"<{slash}{name}>" for name in ("thinking", "reflection", "output") for slash in ("", "/")
)
CORPUS = [
    "<thinking>\nLet me count: 3 apples and 4 apples make 7 apples.\n",
    "<reflection>\nWait, that is right.\n</reflection>\n</thinking>\n<output>\n7 apples\n",
    "ça va ? naïve — 東京 数学 😀\n\n the answer is the answer. Überraschung",
]
PATTERN = r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+"
STYLES = ("gpt2", "llama3", "qwen")


def byte_level(style: str, added: Iterable[AddedToken] = ()) -> Tokenizer:
    """Train byte-level BPE: one pre-tokenizer, Split and ByteLevel, or these after NFC."""
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=style == "gpt2")
    if style == "gpt2":
        tokenizer.pre_tokenizer = level
    else:
        split = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    if style == "qwen":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


@cache
def sentencepiece_model(kind: str) -> bytes:
    """Train SentencePiece with byte fallback; `kind` is bpe or unigram."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter([line for text in CORPUS for line in text.splitlines()] * 4),
        model_writer=written,
        model_type=kind,
        vocab_size=360,
        byte_fallback=True,
        character_coverage=0.98,
        control_symbols=["[INST]", "<thinking>"],
        user_defined_symbols=["<output>", "▁▁"],
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return written.getvalue()


def fused(*, strip: bool) -> decoders.Decoder:
    """Make the decoder of Llama 2 and Mistral, or with no strip that of Gemma."""
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, *([decoders.Strip(" ", 1, 0)] if strip else [])])


def metaspace(prepend_scheme: str) -> decoders.Decoder:
    return decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace("▁", prepend_scheme=prepend_scheme)]
    )


def converted(proto: bytes, kind: str, decoder: decoders.Decoder) -> Tokenizer:
    """Write a SentencePiece model as the tokenizer of a fast one; BPE without its merges."""
    model = sentencepiece.SentencePieceProcessor(model_proto=proto)
    ids = [*range(len(model))]
    pieces = [(model.IdToPiece(i), model.GetScore(i)) for i in ids]
    if kind == "bpe":
        vocab = {piece: token_id for token_id, (piece, _) in enumerate(pieces)}
        tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", byte_fallback=True))
    else:
        tokenizer = Tokenizer(models.Unigram(pieces, model.unk_id(), byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    tokenizer.decoder = decoder
    special = [piece for i, (piece, _) in enumerate(pieces) if model.IsControl(i)]
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in ("<unk>", *special)])
    tokenizer.add_tokens(["<output>"])
    return tokenizer


def save(folder: Path, tokenizer: Tokenizer, **changes: Any) -> Path:
    """Write `tokenizer.json`, with some of its top values replaced; return the folder."""
    document = json.loads(tokenizer.to_str()) | changes
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False))
    return folder
