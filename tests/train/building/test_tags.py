import re

import pytest

from decoding.format import ReplyFormat
from tests.train.building.tokenizers_made import demo_tokenizer, small_tokenizer
from train.building.tags import add_tags
from train.errors import ConfigError

FORMAT = ReplyFormat()
REPLY = "<thinking>\nab\n</thinking>\n<output>c</output>"


def test_added_tags_are_one_id_each_and_seen_when_special_tokens_are_skipped() -> None:
    tokenizer = small_tokenizer()
    before = len(tokenizer)
    assert add_tags(tokenizer, "added", FORMAT) == FORMAT.tags
    assert tokenizer.convert_tokens_to_ids(list(FORMAT.tags)) == list(range(before, before + 6))
    ids = tokenizer(REPLY, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == REPLY


def test_special_tags_vanish_when_special_tokens_are_skipped() -> None:
    tokenizer = small_tokenizer()
    assert add_tags(tokenizer, "special", FORMAT) == FORMAT.tags
    ids = tokenizer(REPLY, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "\nab\n\nc"
    assert tokenizer.decode(ids) == REPLY


def test_tags_of_text_leave_the_vocabulary_alone() -> None:
    tokenizer = small_tokenizer()
    before = len(tokenizer)
    assert add_tags(tokenizer, "text", FORMAT) == ()
    assert len(tokenizer) == before


def test_tags_that_are_there_stay_where_they_are() -> None:
    tokenizer = demo_tokenizer()
    before = len(tokenizer)
    assert add_tags(tokenizer, "added", FORMAT) == ()
    assert len(tokenizer) == before


@pytest.mark.parametrize("tags", ["special", "text"])
def test_tags_that_are_there_in_another_way_are_refused(tags: str) -> None:
    said = re.escape("<thinking> is a token of the tokenizer already: build.tags = 'added'")
    with pytest.raises(ConfigError, match=said):
        add_tags(demo_tokenizer(), tags, FORMAT)  # type: ignore[arg-type]
