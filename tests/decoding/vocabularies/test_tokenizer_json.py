"""The file tokenizer.json: models, decoders and added tokens as the library reads them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models

from decoding.vocabularies.tokenizer_json import parse
from decoding.vocabulary import Vocabulary, VocabularyError
from tests.decoding.vocabularies.reference import faults
from tests.decoding.vocabularies.trained import (
    CORPUS,
    TAGS,
    byte_level,
    converted,
    fused,
    metaspace,
    save,
    sentencepiece_model,
)

DECODERS = {
    "mistral": fused(strip=True),
    "gemma": fused(strip=False),
    **{f"metaspace {scheme}": metaspace(scheme) for scheme in ("always", "first", "never")},
}
FLAGS: list[dict[str, bool]] = [
    {},
    {"lstrip": True},
    {"rstrip": True, "normalized": False},
    {"lstrip": True, "rstrip": True, "normalized": True, "single_word": True},
]


@pytest.fixture(params=["bpe", "unigram"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("name", DECODERS)
def test_tokens_with_byte_fallback_have_the_bytes_that_decode_inside_a_text(
    kind: str, name: str, tmp_path: Path
) -> None:
    tokenizer = converted(sentencepiece_model(kind), kind, DECODERS[name])
    vocabulary = Vocabulary.load(save(tmp_path, tokenizer))
    assert vocabulary.size == tokenizer.get_vocab_size()
    assert faults(vocabulary, tokenizer.decode, "a") == []


@pytest.mark.parametrize("name", DECODERS)
def test_a_reply_that_starts_with_a_tag_is_decoded_by_itself_to_its_bytes(
    kind: str, name: str, tmp_path: Path
) -> None:
    tokenizer = converted(sentencepiece_model(kind), kind, DECODERS[name])
    vocabulary = Vocabulary.load(save(tmp_path, tokenizer))
    ids = tokenizer.encode(f"<output> {CORPUS[2]}").ids
    assert ids[0] == tokenizer.token_to_id("<output>")
    assert vocabulary.decode(ids).decode() == tokenizer.decode(ids)


@pytest.mark.parametrize("text", [*CORPUS, "東京タワー 😀 \t<b>", " a  b   c "])
def test_the_bytes_of_a_unigram_encoding_are_the_text(text: str, tmp_path: Path) -> None:
    tokenizer = converted(sentencepiece_model("unigram"), "unigram", DECODERS["gemma"])
    vocabulary = Vocabulary.load(save(tmp_path, tokenizer), tags=["<thinking>"])
    assert vocabulary.decode(tokenizer.encode(text).ids).decode() == text


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("is_special", [True, False])
def test_tags_that_are_tokens_have_their_text_whatever_their_flags(
    tmp_path: Path, flags: dict[str, bool], is_special: bool
) -> None:
    added = [AddedToken(tag, special=is_special, **flags) for tag in TAGS]
    bpe = byte_level("llama3", added)
    pieces = converted(sentencepiece_model("unigram"), "unigram", DECODERS["mistral"])
    pieces.add_special_tokens(added) if is_special else pieces.add_tokens(added)
    for tokenizer in (bpe, pieces):
        vocabulary = Vocabulary.load(save(tmp_path, tokenizer), tags=TAGS)
        for tag in TAGS:
            assert vocabulary.token_bytes[tokenizer.get_vocab()[tag]] == tag.encode()


def test_added_tokens_have_the_ids_and_the_bytes_that_the_library_gives_them(
    tmp_path: Path,
) -> None:
    draw = random.Random(0)
    base = json.loads(byte_level("gpt2").to_str())
    contents = ["the", "x y", "éa", "naïve", "東", "Ġthe", "<a>", "<b>", "<c>", "\n", "zz"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    for _ in range(150):
        holes = draw.sample(range(300, 400), draw.randrange(4))
        vocab = {t: i for t, i in base["model"]["vocab"].items() if i not in holes}
        merges = [pair for pair in base["model"]["merges"] if {*pair, "".join(pair)} <= {*vocab}]
        listed = [
            {"id": draw.randrange(500), "content": text, "special": draw.random() < 0.4, **flags}
            for text in draw.choices(contents, k=draw.randrange(8))
        ]
        model = base["model"] | {"vocab": vocab, "merges": merges}
        document = base | {"model": model, "added_tokens": listed}
        (tmp_path / "tokenizer.json").write_text(json.dumps(document))
        tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        vocabulary = Vocabulary.load(tmp_path)
        assert vocabulary.size == 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        assert faults(vocabulary, tokenizer.decode, "b") == []


def test_pieces_of_the_same_text_are_tokens_each(tmp_path: Path) -> None:
    tokenizer = converted(sentencepiece_model("unigram"), "unigram", DECODERS["gemma"])
    model = json.loads(tokenizer.to_str())["model"]
    model["vocab"] += [["▁the", -9.0], ["▁the", -9.5], ["", -9.9]]
    vocabulary = Vocabulary.load(save(tmp_path, tokenizer, model=model))
    assert vocabulary.token_bytes[-3:] == (b" the", b" the", b"")


def test_a_tokenizer_is_read_the_same_with_its_merges_anywhere() -> None:
    document = json.loads(byte_level("llama3", [AddedToken("<|eot|>", special=True)]).to_str())
    model = document["model"]
    model["vocab"] |= {"merges": 500, '"merges": [': 501, 'x"merges': 502}
    model["merges"] += [["merges", "]}}"], ["]", "}}"]]
    first = document | {"model": {"merges": model["merges"]} | model}
    early = {"model": model} | {key: document[key] for key in document if key != "model"}
    strange = {'x"merges': [], **document}
    for each in (document, first, early, strange):
        for indent in (None, 2):
            parsed = parse(json.dumps(each, indent=indent).encode())
            assert parsed["model"]["vocab"] == model["vocab"]
            assert parsed["added_tokens"] == document["added_tokens"]
            assert parsed["decoder"] == document["decoder"]
    assert parse(json.dumps(document).encode())["model"]["merges"] == []


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    text = byte_level("gpt2").to_str()
    (tmp_path / "tokenizer.json").write_text(text[:-300])
    with pytest.raises(VocabularyError, match="cannot be read as JSON"):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize(
    ("decoder", "found"),
    [
        (decoders.WordPiece(), "WordPiece"),
        (decoders.BPEDecoder(), "BPEDecoder"),
        (decoders.CTC(), "CTC"),
        (decoders.Sequence([decoders.Strip(" ", 1, 0), decoders.Fuse()]), "Strip, Fuse"),
        (decoders.Sequence([decoders.Fuse(), decoders.Replace("a", "b")]), "Fuse, Replace"),
        (None, "none"),
    ],
)
def test_decoders_under_which_tokens_have_no_bytes_of_their_own_are_refused(
    decoder: decoders.Decoder | None, found: str, tmp_path: Path
) -> None:
    tokenizer = byte_level("gpt2")
    if decoder is None:
        save(tmp_path, tokenizer, decoder=None)
    else:
        tokenizer.decoder = decoder
        save(tmp_path, tokenizer)
    with pytest.raises(VocabularyError, match=f"expected a decoder under which .*, found {found}$"):
        Vocabulary.load(tmp_path)


def test_a_model_without_bytes_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁the", -1.0), ("a", -2.0)], 0, False))
    tokenizer.decoder = decoders.Metaspace()
    with pytest.raises(VocabularyError, match="expected a token for each byte of UTF-8"):
        Vocabulary.load(save(tmp_path, tokenizer))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, r"expected model\.vocab"),
        ({"model": {"vocab": {"a": "0"}}}, r"expected model\.vocab"),
        ({"model": {"vocab": [0.5, "a"]}}, r"expected model\.vocab"),
        ({"model": {"vocab": [[0.5, "a"]]}}, r"expected model\.vocab"),
        ({"added_tokens": [{"id": 0}]}, "expected an added token with a content"),
    ],
)
def test_a_file_without_its_parts_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save(tmp_path, byte_level("gpt2"), **changes)
    with pytest.raises(VocabularyError, match=rf"tokenizer\.json: {message}"):
        Vocabulary.load(tmp_path)


def test_a_file_that_is_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(VocabularyError, match="expected a JSON object, found list"):
        Vocabulary.load(tmp_path)
