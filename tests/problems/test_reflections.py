import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems.countdown import Puzzle, attempts
from problems.families import FAMILIES, draw
from problems.reflections import Reflections, judge, stated_answer
from problems.split import Split
from problems.step import Step
from problems.word_problems import WordProblem

PUZZLE = Puzzle("", (3, 7, 5), 26)
STORY = WordProblem("", (Step(12, "+", 5), Step(17, "*", 2)), (12, 5, 2))


def test_a_caught_and_repaired_attempt_counts_so() -> None:
    reply = (
        "<thinking>\n3 + 7 = 10, 10 + 5 = 15\n<reflection>15 != 26</reflection>\n"
        "3 * 7 = 21, 21 + 5 = 26\n</thinking>\n<output>(3 * 7) + 5 = 26</output>"
    )
    assert judge(PUZZLE, reply) == Reflections(1, 1, 1, 0, 1)


def test_an_attempt_with_a_false_result_is_wrong_and_missed() -> None:
    reply = "<thinking>\n3 + 7 = 10, 10 + 5 = 26\n</thinking>\n<output>(3 + 7) + 5</output>"
    assert judge(PUZZLE, reply) == Reflections(1, 0, 0, 0, 0)


def test_an_attempt_that_uses_a_number_twice_is_wrong() -> None:
    reply = "<thinking>\n7 * 3 = 21, 21 + 3 = 24\n</thinking>\n<output>7</output>"
    assert judge(Puzzle("", (3, 7, 5), 24), reply).wrong == 1
    assert judge(PUZZLE, "<thinking>\nI do not know.\n</thinking>\n<output>7</output>").wrong == 1


def test_a_right_attempt_that_is_flagged_is_a_false_alarm() -> None:
    reply = (
        "<thinking>\n3 * 7 = 21, 21 + 5 = 26\n<reflection>26 != 26</reflection>\n"
        "7 * 3 = 21, 21 + 5 = 26\n</thinking>\n<output>1</output>"
    )
    assert judge(PUZZLE, reply) == Reflections(0, 0, 2, 1, 0)


def test_a_wrong_step_of_a_story_that_is_caught_and_repaired() -> None:
    reply = (
        "<thinking>\n12 - 5 = 7\n<reflection>Wait, the sign here is +, not -.</reflection>\n"
        "12 + 5 = 17\n17 * 2 = 34\n</thinking>\n<output>34</output>"
    )
    assert judge(STORY, reply) == Reflections(1, 1, 2, 0, 1)


def test_steps_after_a_wrong_one_left_standing_are_not_judged() -> None:
    reply = "<thinking>\n12 - 5 = 7\n7 * 2 = 14\n</thinking>\n<output>14</output>"
    assert judge(STORY, reply) == Reflections(1, 0, 0, 0, 0)


def test_a_right_step_that_is_flagged_is_a_false_alarm() -> None:
    reply = (
        "<thinking>\n12 + 5 = 17\n<reflection>Wait.</reflection>\n12 + 5 = 17\n17 * 2 = 34\n"
        "</thinking>\n<output>34</output>"
    )
    assert judge(STORY, reply) == Reflections(0, 0, 3, 1, 0)


def test_an_unfinished_reflection_flags_nothing() -> None:
    assert judge(STORY, "<thinking>\n12 + 5 = 17\n<reflection>Wait").right == 1


PIECES = ["<reflection>", "</reflection>", "3 * 7 = 21, 21 + 5 = 26\n", "x"]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_reply_upsets_the_judge_and_an_attempt_is_flagged_once_at_most(parts: list[str]) -> None:
    counts = judge(PUZZLE, "<thinking>" + "".join(parts))
    assert counts.wrong_flagged <= counts.wrong
    assert counts.right_flagged <= counts.right
    assert counts.repaired <= counts.wrong_flagged
    assert counts.wrong_flagged + counts.right_flagged <= parts.count("<reflection>")


def test_a_number_of_many_digits_is_wrong_and_nothing_worse() -> None:
    assert judge(PUZZLE, f"<thinking>\n3 * 7 = 21, 21 + {'9' * 5000} = 26\n").wrong == 1


def test_hundreds_of_reflections_without_an_end_are_read_in_no_time() -> None:
    assert judge(PUZZLE, "<thinking>" + "<reflection>" * 100_000).wrong == 1


@pytest.mark.parametrize("numbers", [(3, 7, 5), (1, 2, 3), (12, 6, 2)])
def test_an_attempt_in_the_thoughts_is_the_answer_it_would_be(numbers: tuple[int, ...]) -> None:
    for attempt in attempts(numbers):
        puzzle = Puzzle("", numbers, attempt.result)
        thoughts = f"\n{attempt.line}<reflection>1 != 2</reflection>\n1 + 1 = 2, 2 + 2 = 4\n"
        assert stated_answer(puzzle, thoughts) == attempt.expression
        assert puzzle.is_right(attempt.expression)


@pytest.mark.parametrize(
    ("thoughts", "answer"),
    [
        ("3 + 7 = 10, 10 + 5 = 15\n3 + 5 = 8, 8 + 7 = 15\n", "(3 + 5) + 7 = 15"),
        ("3 + 7 = 11, 11 + 5 = 26\n", "(3 + 7) + 5 = 26"),
        ("3 + 7 = 10, 4 + 5 = 9\n", "3 + 7 = 10, 4 + 5 = 9"),
        ("Let me see.\n", None),
        ("", None),
        ("<reflection>3 * 7 = 21, 21 + 5 = 26\n", None),
    ],
)
def test_the_answer_of_a_puzzle_is_the_last_attempt_before_the_first_reflection(
    thoughts: str, answer: str | None
) -> None:
    assert stated_answer(PUZZLE, thoughts) == answer
    assert answer is None or not PUZZLE.is_right(answer)


@pytest.mark.parametrize(
    ("thoughts", "answer"),
    [
        ("12 + 5 = 17\n17 * 2 = 34\n", "34"),
        ("12 - 5 = 7\n7 * 2 = 14\n<reflection>Wait</reflection>\n12 + 5 = 17\n", "14"),
        ("12 - 5 = 7\n<reflection>Wait</reflection>\n12 + 5 = 17\n17 * 2 = 34\n", None),
        ("\n12 + 5 = 17\nand so on\n", None),
    ],
)
def test_a_step_on_the_way_is_no_answer_of_a_word_problem(
    thoughts: str, answer: str | None
) -> None:
    assert stated_answer(STORY, thoughts) == answer


@pytest.mark.parametrize("family", FAMILIES)
def test_thoughts_without_a_calculation_state_nothing(family: str) -> None:
    for problem in draw(family, Split.FRESH, 3, 1):
        assert stated_answer(problem, problem.prompt) is None


def test_attempts_of_four_numbers_are_judged_step_by_step() -> None:
    puzzle = Puzzle("", (4, 1, 5, 6), 13)
    right = "4 * 5 = 20, 20 - 1 = 19, 19 - 6 = 13"
    wrong = [
        "4 * 5 = 20, 20 - 1 = 18, 18 - 6 = 12",  # does not reach it
        "4 * 5 = 20, 20 - 1 = 18, 19 - 6 = 13",  # breaks the chain
        "4 * 5 = 20, 20 - 1 = 19, 19 - 6 = 14",  # miscalculates
        "4 * 5 = 20, 20 - 7 = 13",  # uses another number
        "4 * 5 = 20, 20 - 1 = 19",  # leaves one
        "4 * 5 = 20, 6 + 1 = 7, 20 - 7 = 13",  # is no chain
    ]
    for line in wrong:
        reply = f"<thinking>\n{line}\n<reflection>no</reflection>\n{right}\n</thinking>"
        assert judge(puzzle, reply) == Reflections(1, 1, 1, 0, 1), line
    assert stated_answer(puzzle, right) == "((4 * 5) - 1) - 6 = 13"
