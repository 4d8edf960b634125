"""Vocabularies: every id stands for the bytes that decoding it gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from decoding.vocabulary import Vocabulary, VocabularyError

TAG = "<thinking>"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(
        ["ça va ? naïve — 東京 😀\n\n <b>" * 20, "the answer " * 9], trainer
    )
    tokenizer.add_special_tokens(
        [AddedToken("<|eot|>", special=True), AddedToken(TAG, special=True)]
    )
    tokenizer.add_tokens([AddedToken("</thinking>", special=False)])
    return tokenizer


@pytest.fixture
def folder(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_every_token_has_the_bytes_that_the_tokenizer_decodes(
    tokenizer: Tokenizer, folder: Path
) -> None:
    vocabulary = Vocabulary.load(folder)
    assert vocabulary.size == tokenizer.get_vocab_size()
    for token_id, text in enumerate(vocabulary.token_bytes):
        decoded = tokenizer.decode([token_id], skip_special_tokens=True)
        assert (text or b"").decode("utf-8", "replace") == decoded


@pytest.mark.parametrize("text", ["ça va ?", "東京 😀", "the answer\r\n\t is", "</thinking> <b>"])
def test_the_bytes_of_an_encoding_are_the_text(
    tokenizer: Tokenizer, folder: Path, text: str
) -> None:
    assert Vocabulary.load(folder).decode(tokenizer.encode(text).ids) == text.encode()


def test_special_tokens_have_no_text_unless_they_are_tags(
    tokenizer: Tokenizer, folder: Path
) -> None:
    ids = tokenizer.get_vocab()
    eot, tag = ids["<|eot|>"], ids[TAG]
    plain, tagged = Vocabulary.load(folder), Vocabulary.load(folder, tags=[TAG])
    assert plain.token_bytes[eot] is plain.token_bytes[tag] is tagged.token_bytes[eot] is None
    assert tagged.token_bytes[tag] == TAG.encode()
    assert plain.digest != tagged.digest


def test_a_model_with_more_ids_than_its_tokenizer_is_padded(folder: Path) -> None:
    plain = Vocabulary.load(folder)
    padded = Vocabulary.load(folder, size=plain.size + 3)
    assert padded.token_bytes == (*plain.token_bytes, None, None, None)
    assert Vocabulary.load(folder, size=3).size == plain.size


def test_folders_without_a_byte_level_tokenizer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="fast tokenizer is needed"):
        Vocabulary.load(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text("{")
    with pytest.raises(VocabularyError, match="cannot be read as JSON"):
        Vocabulary.load(tmp_path)
    path.write_text(json.dumps({"model": {"type": "Unigram", "vocab": []}}))
    with pytest.raises(VocabularyError, match="byte-level BPE tokenizer, found model 'Unigram'"):
        Vocabulary.load(tmp_path)
    document = {"model": {"type": "BPE", "vocab": {"é 東": 0}}, "decoder": {"type": "ByteLevel"}}
    path.write_text(json.dumps(document))
    with pytest.raises(VocabularyError, match="token 0 is not written in the byte alphabet"):
        Vocabulary.load(tmp_path)


def test_a_vocabulary_without_text_is_refused() -> None:
    with pytest.raises(VocabularyError, match="no token with text"):
        Vocabulary([None, b""])
