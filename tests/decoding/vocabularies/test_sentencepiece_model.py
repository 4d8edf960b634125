"""SentencePiece's own files: every piece has the bytes that the library decodes."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sentencepiece import SentencePieceProcessor

from decoding.vocabulary import Vocabulary, VocabularyError
from tests.decoding.vocabularies.reference import faults
from tests.decoding.vocabularies.trained import CORPUS, sentencepiece_model

MISTRAL = ("tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3")


@pytest.fixture(params=["bpe", "unigram"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> SentencePieceProcessor:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model(request.param))
    return SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))


def test_every_piece_but_the_unknown_has_the_bytes_that_decode(
    model: SentencePieceProcessor, tmp_path: Path
) -> None:
    vocabulary = Vocabulary.load(tmp_path)
    assert vocabulary.size == len(model)
    assert faults(vocabulary, model.Decode, "a") == [model.unk_id()]
    assert vocabulary.token_bytes[model.unk_id()] is None


@pytest.mark.parametrize("text", [*CORPUS, "東京タワー 😀 \t<b>", "a  b   c"])
def test_the_bytes_of_an_encoding_are_the_text_after_a_blank(
    model: SentencePieceProcessor, tmp_path: Path, text: str
) -> None:
    ids = model.Encode(text)
    assert Vocabulary.load(tmp_path).decode(ids).decode() == " " + model.Decode(ids)


def test_control_pieces_have_no_text_unless_they_are_tags(
    model: SentencePieceProcessor, tmp_path: Path
) -> None:
    token_bytes = Vocabulary.load(tmp_path, tags=["<thinking>", "<output>"]).token_bytes
    assert token_bytes[model.PieceToId("<thinking>")] == b"<thinking>"
    assert token_bytes[model.PieceToId("<output>")] == b"<output>"
    assert token_bytes[model.PieceToId("[INST]")] is token_bytes[model.eos_id()] is None


def test_tokens_added_beside_the_model_follow_its_pieces(
    model: SentencePieceProcessor, tmp_path: Path
) -> None:
    size = len(model)
    added = {"</thinking>": size, "<|im_end|>": size + 2, "tokyo": size + 3}
    (tmp_path / "added_tokens.json").write_text(json.dumps(added))
    special = {"eos_token": {"content": "<|im_end|>"}, "additional_special_tokens": ["</thinking>"]}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(special))
    tags = ["</thinking>"]
    assert Vocabulary.load(tmp_path).token_bytes[size:] == (None, None, None, b"tokyo")
    tagged = Vocabulary.load(tmp_path, tags=tags)
    assert tagged.token_bytes[size:] == (b"</thinking>", None, None, b"tokyo")

    listed = {str(i): {"content": t, "special": i < size + 3} for t, i in added.items()}
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"added_tokens_decoder": listed}))
    assert Vocabulary.load(tmp_path, tags=tags).digest == tagged.digest


@pytest.mark.parametrize("name", MISTRAL)
def test_mistral_s_pieces_have_the_bytes_that_decode(name: str, tmp_path: Path) -> None:
    spec = find_spec("mistral_common")
    if spec is None or spec.origin is None:
        pytest.skip("the package mistral-common, which holds the models, is not installed")
    proto = (Path(spec.origin).parent / "data" / name).read_bytes()
    (tmp_path / "tokenizer.model.v3").write_bytes(proto)
    model = SentencePieceProcessor(model_proto=proto)
    assert faults(Vocabulary.load(tmp_path), model.Decode, "a") == [model.unk_id()]


def test_the_latest_of_several_versions_is_read(tmp_path: Path) -> None:
    for name, kind in (("", "bpe"), (".v1", "bpe"), (".v3", "unigram")):
        (tmp_path / f"tokenizer.model{name}").write_bytes(sentencepiece_model(kind))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "tokenizer.model").write_bytes(sentencepiece_model("unigram"))
    assert Vocabulary.load(tmp_path).digest == Vocabulary.load(tmp_path / "alone").digest


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"\nnot a model")
    with pytest.raises(VocabularyError, match="is not a SentencePiece model"):
        Vocabulary.load(tmp_path)


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model("bpe"))
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(VocabularyError, match="needs the package sentencepiece: install it"):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tokenizer_config.json", "{", r"tokenizer_config\.json cannot be read as JSON"),
        ("added_tokens.json", "[]", "expected a JSON object, found list"),
        ("added_tokens.json", '{"x": "y"}', "expected the id of an added token, found 'y'"),
    ],
)
def test_added_tokens_that_cannot_be_read_are_refused(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentencepiece_model("bpe"))
    (tmp_path / name).write_text(text)
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.load(tmp_path)
