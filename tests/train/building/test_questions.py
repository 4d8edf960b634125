import json
import re
from pathlib import Path

import pytest

from problems import countdown, word_problems
from problems.countdown import Puzzle
from problems.step import Step
from problems.word_problems import WordProblem
from train.building.questions import (
    Answer,
    KeyedQuestion,
    PuzzleQuestion,
    Verdict,
    WordQuestion,
    read_questions,
)
from train.errors import DataError

PUZZLE = PuzzleQuestion(Puzzle("Make 23 from 3, 4 and 5.", (3, 4, 5), 23))
STORY = WordQuestion(WordProblem("How many?", (Step(8, "+", 3), Step(11, "*", 2)), (8, 3, 2)))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("(3 + 4) * 5", "(3 + 4) * 5 is 35, not 23"),
        ("3 + 4 * 5 = 24", "3 + 4 * 5 is 23"),
        ("20 + 3", "each of 3, 4, 5 has to be used once"),
        ("I cannot say", "that is no expression of the numbers"),
    ],
)
def test_of_an_expression_it_says_what_anybody_can_check(said: str, why: str) -> None:
    assert PUZZLE.verdict(said) == "wrong"
    assert PUZZLE.objection(Answer("", said)) == why


@pytest.mark.parametrize(
    ("thoughts", "why"),
    [
        ("8 - 3 = 5\n5 * 2 = 10", "step 1 is 8 + 3"),
        ("8 + 3 = 11\n11 + 2 = 13", "step 2 is 11 * 2"),
        ("8 + 3 = 11\n11 * 2 = 22", "the steps come to 22"),
        ("11 * 2 = 22\n8 + 3 = 11", "step 2 is 11 * 2"),
    ],
)
def test_of_a_story_it_names_the_first_step_that_is_missing(thoughts: str, why: str) -> None:
    assert STORY.objection(Answer(thoughts, "10")) == why


@pytest.mark.parametrize("family", ["countdown", "word problems"])
def test_the_solution_of_a_problem_is_right_and_so_is_its_answer(family: str) -> None:
    for question in read_questions(family, 30, 1):
        assert question.verdict(question.answer) is Verdict.RIGHT
        assert question.solution
        assert question.solution == question.solution.strip()


def test_questions_of_a_family_are_those_that_training_may_draw() -> None:
    words = read_questions("word problems", 50, 1)
    assert not any(word_problems.is_fresh(question.prompt) for question in words)
    puzzles = [
        q.puzzle for q in read_questions("countdown", 50, 1) if isinstance(q, PuzzleQuestion)
    ]
    assert len(puzzles) == 50
    assert not any(countdown.is_held_out(p.numbers, p.target) for p in puzzles)
    assert read_questions("countdown", 10, 1) == read_questions("countdown", 50, 1)[:10]


@pytest.mark.parametrize(
    ("key", "said", "verdict"),
    [
        ("72", "In all she sold 48 + 24 = 72.", "right"),
        ("72", "72 clips in 2 months", "undecided"),
        ("72", "72 in May, so 24 in all.", "undecided"),
        ("72", "She sold 71 in 2 months.", "wrong"),
        ("72", "between 70-72", "right"),
        ("72", "no idea", "undecided"),
        ("1,200", "It is $1200.00", "right"),
        ("1200", "1 200 m", "right"),
        ("1200", "1.2 thousand", "undecided"),
        ("-3", "x = -3", "right"),
        ("-3", "x is −3.", "right"),
        ("-3", "x = 3", "wrong"),
        ("0.5", "1/2 of it", "right"),
        ("0.5", "\\frac{1}{2}", "undecided"),
        ("0.5", "one half", "undecided"),
        ("20", "H20", "undecided"),
        ("B", "b", "right"),
        ("B", "The answer is B.", "right"),
        ("B", "(B) the moon", "right"),
        ("(B)", "A is too cold, so B", "right"),
        ("B", "The answer is C.", "wrong"),
        ("B", "B or C", "undecided"),
        ("B", "the moon", "undecided"),
        ("B", "A moon", "undecided"),
        ("Paris", "The capital:\n paris.", "right"),
        ("Paris", "The capital of France is Paris.", "undecided"),
        ("Paris, France", "Paris", "undecided"),
        ("Paris", "The capital of France is Lyon.", "wrong"),
        ("yes", "Yes, because it floats.", "undecided"),
        ("yes", "No, it sinks.", "wrong"),
    ],
)
def test_an_answer_is_held_against_the_key(key: str, said: str, verdict: str) -> None:
    assert KeyedQuestion("?", key).verdict(said) == verdict


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("22", "right"),
        ("The answer is 22.", "right"),
        ("22 apples, 3 of them red", "undecided"),
        ("twenty-two", "undecided"),
        ("The answer is 10.", "wrong"),
    ],
)
def test_a_story_is_answered_by_its_last_number(said: str, verdict: str) -> None:
    assert STORY.verdict(said) == verdict


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("3 + 4 * 5 = 23", "right"),
        ("It is 3 + 4 * 5 = 23.", "undecided"),
        ("3 + 4 * 5 = 3 + 20 = 23", "undecided"),
        ("3 + 4 + 5 = 12", "wrong"),
    ],
)
def test_a_puzzle_in_other_words_than_an_expression_is_a_doubt(said: str, verdict: str) -> None:
    assert PUZZLE.verdict(said) == verdict


def test_a_key_alone_does_not_tell_why_and_is_not_given_away() -> None:
    why = KeyedQuestion("?", "72").objection(Answer("", "Let me see.\nIt is 71."))
    assert why == "It is 71 is not the answer"
    assert KeyedQuestion("?", "72").objection(Answer("", "")) == "that is not the answer"


def test_solution_and_key_of_a_file_come_together_or_apart(tmp_path: Path) -> None:
    rows = [
        {"question": "How many?", "answer": "8 + 3 = <<8+3=11>>11 clips\n#### 11"},
        {"question": "Where?", "answer": "Paris", "solution": "By the Seine."},
        {"question": "Who?", "answer": 7},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert read_questions(str(file), 10, 1) == [
        KeyedQuestion("How many?", "11", "8 + 3 = 11 clips"),
        KeyedQuestion("Where?", "Paris", "By the Seine."),
        KeyedQuestion("Who?", "7", ""),
    ]
    assert len(read_questions(str(file), 2, 1)) == 2


def test_what_is_no_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a file nor 'word problems' or 'countdown'"):
        read_questions("riddles", 10, 1)
    half = json.dumps({"question": "\ud83d", "answer": "1"})
    (tmp_path / "half.jsonl").write_text(f"\n{half}\n")
    with pytest.raises(DataError, match=re.escape("half.jsonl, line 2: half a surrogate pair")):
        read_questions(str(tmp_path / "half.jsonl"), 10, 1)
    (tmp_path / "bad.jsonl").write_text('{"question": "?"}\n')
    with pytest.raises(DataError, match=re.escape("bad.jsonl, line 1: an object with question")):
        read_questions(str(tmp_path / "bad.jsonl"), 10, 1)
