"""A model folder with the real Llama 3 vocabulary (128,256 ids) and random weights."""

from __future__ import annotations

import base64
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from decoding.bundle import BudgetDefaults, Bundle

NUM_SPECIAL = 256
SPECIAL = {
    0: "<|begin_of_text|>",
    1: "<|end_of_text|>",
    6: "<|start_header_id|>",
    7: "<|end_header_id|>",
    8: "<|eom_id|>",
    9: "<|eot_id|>",
}
STOP_TOKEN_IDS = (128001, 128008, 128009)
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
HIDDEN, LAYERS, HEADS, INTERMEDIATE = 64, 2, 2, 128
KV_BLOCK_BYTES = 128 * LAYERS * 2 * (HIDDEN // HEADS) * 4  # 128 tokens, keys and values, float32


def ranks_file() -> Path | None:
    """Return Llama 3's byte-pair ranks from the package `llama-models`, if it is installed."""
    spec = find_spec("llama_models")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "llama3" / "tokenizer.model"
    return file if file.is_file() else None


def make_tokenizer(file: Path) -> Tokenizer:
    """Turn lines of (base64 token, rank) into a byte-level BPE: merges are all ways to split."""
    lines = (line.split() for line in file.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    letters = dict(zip(_printable(), range(256), strict=True))
    letter_of = {byte: letter for letter, byte in letters.items()}
    text = {token: "".join(letter_of[byte] for byte in token) for token in ranks}
    splits = sorted(
        (rank, ranks[token[:cut]], ranks[token[cut:]], token[:cut], token[cut:])
        for token, rank in ranks.items()
        for cut in range(1, len(token))
        if token[:cut] in ranks and token[cut:] in ranks
    )
    merges = [(text[left], text[right]) for *_, left, right in splits]
    vocab = {text[token]: rank for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = (SPECIAL.get(k, f"<|reserved_special_token_{k}|>") for k in range(NUM_SPECIAL))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return tokenizer


def _printable() -> list[str]:
    """Return the character of each byte, in the order of the bytes (GPT-2's table)."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    rest = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(rest)) for byte in range(256)]


def make_model_folder(folder: Path, file: Path, *, max_model_len: int = 1024) -> Bundle:
    """Write tokenizer, config, random float32 weights and reflection.json; return the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(file)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    vocab_size = tokenizer.get_vocab_size()
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab_size,
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 1,
        "max_position_embeddings": max_model_len,
        "rope_theta": 10000.0,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": 128000,
        "eos_token_id": list(STOP_TOKEN_IDS),
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_random_weights(vocab_size), folder / "model.safetensors", {"format": "pt"})
    bundle = Bundle(
        folder=folder,
        name="random-llama3",
        stop_token_ids=STOP_TOKEN_IDS,
        budgets=BudgetDefaults(max_thinking_tokens=64, max_tokens=128, min_answer_tokens=8),
    )
    bundle.save()
    return Bundle.load(folder)


def _random_weights(vocab_size: int) -> dict[str, np.ndarray]:
    """Draw weights whose logits have a standard deviation of about 2.5."""
    draw = np.random.default_rng(0)

    def normal(*shape: int, scale: float) -> np.ndarray:
        return draw.standard_normal(shape, np.float32) * np.float32(scale)

    head = HIDDEN // HEADS
    weights = {
        "model.embed_tokens.weight": normal(vocab_size, HIDDEN, scale=0.3),
        "model.norm.weight": np.ones(HIDDEN, np.float32),
    }
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        weights |= {
            f"{prefix}.self_attn.q_proj.weight": normal(HIDDEN, HIDDEN, scale=0.3),
            f"{prefix}.self_attn.k_proj.weight": normal(head, HIDDEN, scale=0.3),
            f"{prefix}.self_attn.v_proj.weight": normal(head, HIDDEN, scale=0.3),
            f"{prefix}.self_attn.o_proj.weight": normal(HIDDEN, HIDDEN, scale=0.3),
            f"{prefix}.mlp.gate_proj.weight": normal(INTERMEDIATE, HIDDEN, scale=0.2),
            f"{prefix}.mlp.up_proj.weight": normal(INTERMEDIATE, HIDDEN, scale=0.2),
            f"{prefix}.mlp.down_proj.weight": normal(HIDDEN, INTERMEDIATE, scale=0.2),
            f"{prefix}.input_layernorm.weight": np.ones(HIDDEN, np.float32),
            f"{prefix}.post_attention_layernorm.weight": np.ones(HIDDEN, np.float32),
        }
    return weights
