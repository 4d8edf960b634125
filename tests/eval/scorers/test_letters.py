import pytest
from hypothesis import given

from eval.question import Question
from eval.score import UNANSWERED
from eval.scorers.letters import LETTERS, answer_label, score, stated
from tests.eval.scorers.letters_cases import CASES
from tests.eval.scorers.replies import HOSTILE, replies


def test_the_table_has_at_least_80_cases() -> None:
    assert len({(text, labels) for text, labels, _, _ in CASES}) >= 80


@pytest.mark.parametrize(("text", "labels", "letter", "rule"), CASES)
def test_a_reply_is_read_as_the_table_says(
    text: str, labels: str, letter: str | None, rule: str
) -> None:
    assert answer_label(text, labels) == (letter, rule)


@pytest.mark.parametrize(("text", "labels", "letter", "rule"), CASES)
def test_the_value_follows_from_the_letter(
    text: str, labels: str, letter: str | None, rule: str
) -> None:
    for gold in labels:
        question = Question("q", ("Which?",), gold, row={"labels": list(labels)})
        result = score(question, [text])
        assert result.value == (letter == gold)
        assert (UNANSWERED in result.flags) == (letter is None)


def test_labels_are_a_to_d_unless_the_row_has_others() -> None:
    assert score(Question("q", ("Which?",), "D"), ["Answer: D"]).value == 1
    assert score(Question("q", ("Which?",), "E"), ["Answer: E"]).value == 0


def test_the_first_rule_that_hits_decides() -> None:
    replies = ["Answer: A", "\\boxed{B}", "The answer is:\nC", "D is correct"]
    for index in range(len(replies)):
        text = "\n".join(reversed(replies[index:]))
        assert answer_label(text, LETTERS)[0] == "ABCD"[index]


@given(replies)
def test_any_text_is_scored_and_twice_the_same(text: str) -> None:
    question = Question("q", ("Which?",), "C")
    assert score(question, [text]) == score(question, [text])
    assert answer_label(text, LETTERS)[0] in {*LETTERS, None}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_read_in_one_pass(text: str) -> None:
    assert answer_label(f"{text}\nThe answer is C.\n", LETTERS)[0] in {*LETTERS, None}
    assert answer_label(text, "1234")[0] in {*"1234", None}


def test_thoughts_state_an_answer_only_where_they_say_so() -> None:
    question = Question("q", ("Which?",), "C")
    assert stated(question, "A. no\nThe answer is B. Let me see.\nD. no") == "B"
    assert stated(question, "C is correct") == "C"
    assert stated(question, "A. Rome\nB. Paris") is None
    assert stated(question, "C") is None
