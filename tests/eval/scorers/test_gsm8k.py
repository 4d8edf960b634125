import json
from pathlib import Path

import pytest
from hypothesis import given

from eval.question import Question
from eval.score import UNANSWERED
from eval.scorers.gsm8k import LAST, answer_number, score, stated
from tests.eval.scorers.gsm8k_cases import CASES
from tests.eval.scorers.replies import HOSTILE, replies


def question(gold: str) -> Question:
    return Question("q", ("How many?",), gold)


def test_the_table_has_at_least_150_cases() -> None:
    assert len({(text, gold) for text, gold, _, _ in CASES}) >= 150


@pytest.mark.parametrize(("text", "gold", "strict", "flexible"), CASES)
def test_a_reply_is_read_as_the_table_says(
    text: str, gold: str, strict: bool | None, flexible: bool | None
) -> None:
    result = score(question(gold), [text])
    is_stated = result.rule not in ("", LAST)
    assert (bool(result.details["strict"]) if is_stated else None) == strict
    assert (bool(result.value) if result.rule else None) == flexible
    assert (UNANSWERED in result.flags) == (flexible is None)


def test_equal_answers_have_equal_texts() -> None:
    same = ["The answer is 1,000.", "1000.0", "\\boxed{10^3}", "#### $1 000", "2000/2"]
    assert {score(question("1000"), [text]).extracted for text in same} == {"1000"}
    assert {score(question("1"), [text]).extracted for text in ("1/2", ".5", "50e-2")} == {"1/2"}


def test_the_last_turn_is_scored() -> None:
    assert score(question("42"), ["41", "42"]).value == 1
    assert score(question("42"), ["42", "41"]).value == 0


@given(replies)
def test_any_text_is_scored_and_twice_the_same(text: str) -> None:
    assert score(question("42"), [text]) == score(question("42"), [text])


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_read_in_one_pass(text: str) -> None:
    answer_number(text)
    stated = answer_number(f"{text}\nThe answer is 42.\n")
    assert stated[1] in {"answer", "boxed"}


def test_every_solution_of_the_test_split_is_right(data: Path) -> None:
    lines = (data / "gsm8k" / "test.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    scores = [score(question(row["final"]), [row["answer"]]) for row in rows]
    assert len(scores) == 1319
    assert all(result.value == result.details["strict"] == 1 for result in scores)


def test_thoughts_state_an_answer_only_where_they_say_so() -> None:
    assert (
        stated(question("42"), "40 + 2 is 41. So the answer is 41.\nLet me check 3 steps") == "41"
    )
    assert stated(question("1/2"), "The answer is .5") == "1/2"
    assert stated(question("42"), "First 40, then 42") is None
