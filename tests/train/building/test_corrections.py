import random
from collections import Counter
from pathlib import Path

import pytest

from decoding.format import Reply, ReplyFormat, Section
from files.journal import Journal
from train.building.attempts import asks_of
from train.building.checks import HOLDS
from train.building.conversation import Conversation, Drop, Reason
from train.building.corrections import correct, read_corrections
from train.building.questions import Answer, KeyedQuestion, read_questions
from train.building.settings import Attempts
from train.segments import Kind, Segment

FORMAT = ReplyFormat()
SETTINGS = Attempts("word problems", num=7, samples=2, model="student")
QUESTION = KeyedQuestion("How many?", "11", "8 + 3 = 11")


def compose(given: Answer, question: KeyedQuestion = QUESTION) -> tuple[Segment, ...]:
    return correct(question, given, random.Random(1), FORMAT)


def test_a_right_answer_is_confirmed_and_all_of_it_is_learned() -> None:
    segments = compose(Answer("8 + 3 = 11", "It is 11."))
    assert all(segment.loss for segment in segments)
    sections = Reply.parse("".join(s.text for s in segments), FORMAT).sections
    (_, attempt), (_, check), _, (_, answer) = sections
    assert attempt == "\n8 + 3 = 11\nIt is 11.\n"
    assert check.endswith(HOLDS)
    assert answer == "It is 11."


def test_a_wrong_answer_is_not_learned_but_what_repairs_it_is() -> None:
    segments = compose(Answer("8 + 3 = 12", "12"))
    assert [s.text for s in segments if not s.loss] == ["8 + 3 = 12\n12\n"]
    kinds = [s.kind for s in segments]
    think = Kind.THINK
    assert kinds == [think, Kind.WRONG, Kind.REFLECTION, Kind.REDO, think, Kind.OUTPUT]
    sections = Reply.parse("".join(s.text for s in segments), FORMAT).sections
    assert [section for section, _ in sections] == [
        Section.THINKING,
        Section.REFLECTION,
        Section.THINKING,
        Section.OUTPUT,
    ]
    assert "12 is not the answer" in sections[1][1]
    assert sections[2][1].strip() == "8 + 3 = 11"
    assert sections[3][1] == "11"


def test_without_a_solution_the_correction_is_the_key() -> None:
    segments = compose(Answer("", "12"), KeyedQuestion("How many?", "11"))
    assert [s.text for s in segments if s.kind is Kind.REDO] == ["The answer is 11.\n"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Answers to seven questions: right, wrong, in tags, cut off, torn, none, in doubt."""
    questions = read_questions("word problems", 7, 1)
    with Journal(tmp_path / "attempts.jsonl") as journal:
        for number, question in enumerate(questions):
            for ask in asks_of(SETTINGS, question.prompt, 1):
                tagged = f"<thinking>So: </thinking>\n<output>{question.answer}</output>"
                torn, doubt = f"<output>{question.answer}", f"{question.answer} on day 0"
                content = [question.answer, "0", tagged, "1", torn, "", doubt][number]
                finish = "length" if number == 3 else "stop"
                line = {"key": ask.key, "content": content, "thoughts": None}
                if content:
                    journal.append(line | {"finish_reason": finish, "model": "demo"})
    return tmp_path


def read(folder: Path, holdout: float = 0.0) -> list[Conversation | Drop]:
    return list(read_corrections(folder, SETTINGS, 1, holdout, FORMAT, Counter()))


def test_each_attempt_is_sorted_out_and_counted(folder: Path) -> None:
    counts: Counter[str] = Counter()
    found = list(read_corrections(folder, SETTINGS, 1, 0.0, FORMAT, counts))
    assert counts == {"right": 6, "wrong": 2, "unfinished": 2, "unanswered": 2, "undecided": 2}
    replies = [one for one in found if isinstance(one, Conversation)]
    assert len(replies) == 8
    for one in replies:
        reply = Reply.parse(one.reply, FORMAT)
        (question,) = [q for q in read_questions("word problems", 6, 1) if q.prompt == one.question]
        assert reply.answer == question.answer
        assert one.is_generated


def test_what_may_be_right_is_dropped_with_what_was_said(folder: Path) -> None:
    drops = [one for one in read(folder) if isinstance(one, Drop)]
    answer = read_questions("word problems", 7, 1)[6].answer
    assert {(one.reason, one.detail) for one in drops} == {(Reason.UNDECIDED, f"{answer} on day 0")}


def test_attempts_at_one_question_are_on_one_side_of_the_split(folder: Path) -> None:
    found = [one for one in read(folder, 0.5) if isinstance(one, Conversation)]
    sides = {(one.question, one.split) for one in found}
    assert len(sides) == len({one.question for one in found})
    assert {split for _, split in sides} == {"train", "holdout"}


def test_the_order_is_that_of_the_questions_and_not_of_the_journal(folder: Path) -> None:
    before = read(folder)
    lines = (folder / "attempts.jsonl").read_text().splitlines(keepends=True)
    (folder / "attempts.jsonl").write_text("".join(reversed(lines)))
    assert read(folder) == before
