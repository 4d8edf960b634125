from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from tests.train.reports.made_up_run import config_of
from train.reports.lengths import AT_ONCE, open_lengths
from train.scoring.settings import Score


def tokenizer_in(folder: Path) -> None:
    tokenizer = Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens(["<s>"])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def test_without_a_tokenizer_words_are_counted(tmp_path: Path) -> None:
    lengths = open_lengths(config_of(tmp_path))
    assert lengths.unit == "words"
    assert lengths.measure(["one two\nthree", ""]) == [3, 0]


def test_the_students_tokens_come_first(tmp_path: Path) -> None:
    tokenizer_in(tmp_path / "student")
    tokenizer_in(tmp_path / "built" / "tokenizer")
    config = config_of(tmp_path)
    assert open_lengths(config).of == "tokenizer"
    config = replace(config, score=Score(model=str(tmp_path / "student")))
    lengths = open_lengths(config)
    assert (lengths.unit, lengths.of) == ("tokens", "student")
    assert lengths.measure(["a b a", ""] * AT_ONCE) == [3, 0] * AT_ONCE


def test_a_model_by_name_alone_is_passed_over(tmp_path: Path) -> None:
    config = replace(config_of(tmp_path), score=Score(model="somebody/a-model"))
    assert open_lengths(config).unit == "words"
