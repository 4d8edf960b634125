import gzip
import json
import re
from pathlib import Path

import pytest

from train.building.contamination import EvaluationTexts, drop_contaminated
from train.building.conversation import Conversation, Drop, Reason
from train.errors import DataError
from train.segments import Kind, Segment

LONG = "Janet has sixteen ducks and each of them lays three eggs on every single day of a week."
SHORT = "Which of these nine planets is the largest?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test.jsonl"
    rows = [{"question": LONG, "choices": ["a planet", {"text": SHORT}], "id": 3}, {"x": None}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return path


def conversation(question: str, reply: str = "Yes.") -> Conversation:
    return Conversation("id", "f", "train", question, (Segment(reply, Kind.OUTPUT),))


def left(file: Path, one: Conversation, num_words: int = 13) -> tuple[bool, list[Drop]]:
    drops: list[Drop] = []
    kept = list(drop_contaminated([one], EvaluationTexts([file], num_words), drops))
    return bool(kept), drops


def test_thirteen_words_in_a_row_drop_a_conversation_and_are_named(file: Path) -> None:
    words = LONG.upper().split()
    is_kept, drops = left(file, conversation(f"Tell me: {' '.join(words[2:15])}?"))
    assert not is_kept
    run = "sixteen ducks and each of them lays three eggs on every single day"
    assert drops == [Drop("id", "f", Reason.CONTAMINATED, f"test.jsonl: {run}")]


def test_a_reply_that_repeats_an_evaluation_set_is_found_too(file: Path) -> None:
    assert not left(file, conversation("Say something.", f"<output>{LONG}</output>"))[0]


def test_twelve_words_in_a_row_are_let_pass(file: Path) -> None:
    words = LONG.split()
    assert left(file, conversation(" ".join(words[:12])))[0]
    assert not left(file, conversation(" ".join(words[:12])), num_words=12)[0]


def test_a_short_question_counts_as_a_whole(file: Path) -> None:
    assert not left(file, conversation(f"Hi. {SHORT} And why?"))[0]
    assert left(file, conversation("Which of these nine planets is the smallest?"))[0]
    assert left(file, conversation("a planet"))[0]  # two words say nothing


def test_packed_files_are_read(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "test.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert not left(packed, conversation(LONG))[0]


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        EvaluationTexts([tmp_path / "none.jsonl"], 13)
    (tmp_path / "bad.jsonl").write_text("{}\nno\n")
    with pytest.raises(DataError, match=re.escape("bad.jsonl, line 2: not JSON")):
        EvaluationTexts([tmp_path / "bad.jsonl"], 13)
