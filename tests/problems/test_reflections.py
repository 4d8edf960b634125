from problems.countdown import Puzzle
from problems.reflections import Reflections, judge
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
