"""Rank files: tokens in base64 lines, and Mistral's tekken."""

from __future__ import annotations

import json
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe

from decoding.vocabulary import Vocabulary, VocabularyError
from tests.llama3 import ranks_file

RANKS = [bytes([byte]) for byte in range(256)] + [b" t", b"he", b" the", b"\xe6\x9d", b"\x80 "]
SPECIAL = ("<s>", "</s>", "<thinking>")


def lines(ranks: dict[bytes, int]) -> bytes:
    return b"".join(b"%s %d\n" % (b64encode(token), rank) for token, rank in ranks.items())


def tekken(**config: Any) -> dict[str, Any]:
    vocab = [
        {"rank": rank, "token_bytes": b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(RANKS)
    ]
    special = [
        {"rank": rank, "token_str": text, "is_control": True} for rank, text in enumerate(SPECIAL)
    ]
    sizes = {"default_vocab_size": 10 + len(RANKS) - 1, "default_num_special_tokens": 10}
    return {"config": sizes | config, "vocab": vocab, "special_tokens": special}


@pytest.mark.parametrize("name", ["qwen.tiktoken", "tiktoken.model", "tokenizer.model"])
def test_ranks_are_ids_and_the_rest_has_no_text(tmp_path: Path, name: str) -> None:
    ranks = {token: rank + (rank > 258) for rank, token in enumerate(RANKS)}
    (tmp_path / name).write_bytes(lines(ranks))
    vocabulary = Vocabulary.load(tmp_path, size=270)
    encoding = tiktoken.Encoding("tiny", pat_str=".+", mergeable_ranks=ranks, special_tokens={})
    for rank in ranks.values():
        assert vocabulary.token_bytes[rank] == encoding.decode_single_token_bytes(rank)
    assert (vocabulary.size, vocabulary.token_bytes[259]) == (270, None)
    assert vocabulary.token_bytes[262:] == (None,) * 8


def test_llama_3_s_original_file_gives_what_tiktoken_reads(tmp_path: Path) -> None:
    file = ranks_file()
    if file is None:
        pytest.skip("the package llama-models, which holds Llama 3's ranks, is not installed")
    (tmp_path / "tokenizer.model").write_bytes(file.read_bytes())
    vocabulary = Vocabulary.load(tmp_path, size=128_256)
    ranks = load_tiktoken_bpe(str(file))
    assert dict(enumerate(vocabulary.token_bytes[: len(ranks)])) == {r: t for t, r in ranks.items()}
    assert vocabulary.token_bytes[len(ranks) :] == (None,) * 256


def test_special_tokens_beside_the_ranks_may_be_tags(tmp_path: Path) -> None:
    (tmp_path / "kimi.tiktoken").write_bytes(lines({token: i for i, token in enumerate(RANKS)}))
    listed = {str(265 + i): {"content": text, "special": True} for i, text in enumerate(SPECIAL)}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": listed}))
    vocabulary = Vocabulary.load(tmp_path, tags=["<thinking>"])
    assert vocabulary.token_bytes[261:] == (None,) * 6 + (b"<thinking>",)


@pytest.mark.parametrize("line", [b"Zm9v\n", b"Zm9v x\n", b"Zm9vZ 700\n"])
def test_lines_that_are_not_ranks_are_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "x.tiktoken").write_bytes(lines({b"a": 0}) + line)
    with pytest.raises(VocabularyError, match=r"x\.tiktoken: expected lines of a token in base64"):
        Vocabulary.load(tmp_path)


def test_tekken_puts_the_special_tokens_first_and_cuts_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "tekken.json").write_text(json.dumps(tekken()))
    vocabulary = Vocabulary.load(tmp_path, tags=["<thinking>"])
    assert vocabulary.token_bytes == (None, None, b"<thinking>", *[None] * 7, *RANKS[:-1])


def test_mistral_s_tekken_gives_what_its_package_decodes(tmp_path: Path) -> None:
    spec = find_spec("mistral_common")
    if spec is None or spec.origin is None:
        pytest.skip("the package mistral-common, which holds the file, is not installed")
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    file = Path(spec.origin).parent / "data" / "tekken_240911.json"
    (tmp_path / "tekken.json").symlink_to(file)
    vocabulary, reference = Vocabulary.load(tmp_path), Tekkenizer.from_file(file)
    assert vocabulary.size == reference.n_words
    for token_id, text in enumerate(vocabulary.token_bytes):
        assert (text or b"") == reference.id_to_byte_piece(token_id)


@pytest.mark.parametrize(
    "document",
    [[], {}, tekken(default_vocab_size="many"), tekken() | {"vocab": [{"rank": 0}]}],
)
def test_a_tekken_file_without_its_parts_is_refused(tmp_path: Path, document: Any) -> None:
    (tmp_path / "tekken.json").write_text(json.dumps(document))
    with pytest.raises(VocabularyError, match="expected the config, vocab and special_tokens"):
        Vocabulary.load(tmp_path)
