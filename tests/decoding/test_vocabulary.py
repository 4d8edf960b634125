"""Vocabularies: every id stands for the bytes that decoding it inside a text gives."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer

from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary, VocabularyError
from tests.decoding.vocabularies.reference import faults
from tests.decoding.vocabularies.trained import STYLES, TAGS, byte_level, save
from tests.llama3 import ranks_file

ADDED = [
    AddedToken("<|eot|>", special=True),
    AddedToken(TAGS[0], special=True),
    AddedToken(TAGS[1], special=False),
    AddedToken("  ", special=False, normalized=False),
    AddedToken("東京タワー", special=False),
]


@pytest.fixture(scope="module", params=STYLES)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return byte_level(request.param, ADDED)


@pytest.fixture
def folder(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    return save(tmp_path, tokenizer)


def test_every_token_has_the_bytes_that_the_tokenizer_decodes(
    tokenizer: Tokenizer, folder: Path
) -> None:
    vocabulary = Vocabulary.load(folder)
    assert vocabulary.size == tokenizer.get_vocab_size()
    assert faults(vocabulary, tokenizer.decode, "a") == []
    everything = partial(tokenizer.decode, skip_special_tokens=False)
    tags = ["<|eot|>", TAGS[0]]
    assert faults(Vocabulary.load(folder, tags=tags), everything, "a") == []


@pytest.mark.parametrize("text", ["ça va ?", "東京 😀", "the answer\r\n\t is", "</thinking> <b>"])
def test_the_bytes_of_an_encoding_are_the_text(
    tokenizer: Tokenizer, folder: Path, text: str
) -> None:
    assert Vocabulary.load(folder).decode(tokenizer.encode(text).ids) == text.encode()


def test_special_tokens_have_no_text_unless_they_are_tags(
    tokenizer: Tokenizer, folder: Path
) -> None:
    ids = tokenizer.get_vocab()
    eot, tag = ids["<|eot|>"], ids[TAGS[0]]
    plain, tagged = Vocabulary.load(folder), Vocabulary.load(folder, tags=TAGS)
    assert plain.token_bytes[eot] is plain.token_bytes[tag] is tagged.token_bytes[eot] is None
    assert tagged.token_bytes[tag] == TAGS[0].encode()
    assert plain.digest != tagged.digest


def test_a_model_with_more_ids_than_its_tokenizer_is_padded(folder: Path) -> None:
    plain = Vocabulary.load(folder)
    padded = Vocabulary.load(folder, size=plain.size + 3)
    assert padded.token_bytes == (*plain.token_bytes, None, None, None)
    assert Vocabulary.load(folder, size=3).size == plain.size


def test_llama_3_s_tokens_have_the_bytes_of_its_ranks(random_bundle: Bundle) -> None:
    file = ranks_file()
    assert file is not None
    loaded = Vocabulary.load(random_bundle.folder)
    tokenizer = Tokenizer.from_file(str(random_bundle.folder / "tokenizer.json"))
    assert loaded.size == 128_256
    assert faults(loaded, tokenizer.decode, "a") == []


def test_tokens_of_a_length_stand_together_and_longest_first() -> None:
    vocabulary = Vocabulary([b"b", None, b"abc", b"", b"a", b"xyz"])
    token_ids, offsets, flat = vocabulary.by_length
    assert token_ids.tolist() == [2, 5, 0, 4]
    assert offsets.tolist() == [0, 3, 6, 7]
    assert flat.tobytes() == b"abcxyzba"
    assert [a.dtype.name for a in vocabulary.by_length] == ["int64", "int64", "uint8"]


def test_digests_are_equal_only_for_equal_tokens() -> None:
    tokens: list[list[bytes | None]] = [
        [b"ab", b"c"],
        [b"a", b"bc"],
        [b"ab", b"c", None],
        [b"ab", b"c", b""],
        [b"ab", None, b"c"],
        [b"c", b"ab"],
        [b"abc"],
    ]
    assert len({Vocabulary(each).digest for each in tokens}) == len(tokens)
    assert Vocabulary(tokens[0]).digest == Vocabulary(tuple(tokens[0])).digest


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"has no tokenizer: expected tokenizer\.json, "):
        Vocabulary.load(tmp_path)
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(VocabularyError, match=r"tokenizer\.json cannot be read"):
        Vocabulary.load(tmp_path)


def test_a_tokenizer_that_cannot_write_every_text_is_refused(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text())
    del document["model"]["vocab"]["Ċ"]
    (folder / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(VocabularyError, match=r"each byte of UTF-8.* 1 of them, b'\\n' the first"):
        Vocabulary.load(folder)


@pytest.mark.parametrize("token_id", [-1, 2**40])
def test_ids_that_no_model_has_are_refused(folder: Path, token_id: int) -> None:
    document = json.loads((folder / "tokenizer.json").read_text())
    document["model"]["vocab"]["Ċ"] = token_id
    (folder / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(VocabularyError, match=rf"ids of 0 to 16777215, found .*{token_id}"):
        Vocabulary.load(folder)


def test_a_vocabulary_without_text_is_refused() -> None:
    with pytest.raises(VocabularyError, match="no token with text"):
        Vocabulary([None, b""])
