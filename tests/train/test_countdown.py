import itertools

import pytest

from decoding.format import Reply, ReplyFormat
from train.countdown import (
    HELD_OUT_TEMPLATES,
    MAX_TARGET,
    Puzzle,
    attempts,
    evaluate,
    example,
    is_held_out,
)
from train.segments import Kind, Split


def brute_results(numbers: tuple[int, ...]) -> set[int]:
    """Every positive value of two signs over the numbers, whose first step is positive too."""
    found = set()
    for a, b, c in itertools.permutations(numbers):
        for first, second in itertools.product("+-*", repeat=2):
            inner = eval(f"{a}{first}{b}")
            for outer in (f"{inner}{second}{c}", f"{c}{second}{inner}"):
                if inner > 0 and 0 < eval(outer) <= 999:
                    found.add(eval(outer))
    return found


def test_an_example_is_a_pure_function_of_seed_and_index() -> None:
    first = [example(3, index, p_more=0.5) for index in range(20)]
    assert [example(3, index, p_more=0.5) for index in reversed(range(20))][::-1] == first
    assert example(4, 0) != example(3, 0)


def test_held_out_pairs_never_occur_in_training_whatever_the_order() -> None:
    train = [example(1, index).problem for index in range(600)]
    assert not any(is_held_out(p.numbers, p.target) for p in train)
    for split in (Split.FRESH, Split.TEMPLATES):
        held = [example(1, index, split=split).problem for index in range(200)]
        assert all(is_held_out(p.numbers, p.target) for p in held)
    assert is_held_out((3, 1, 2), 9) == is_held_out((1, 2, 3), 9)


def test_the_held_out_hash_is_the_same_in_every_process() -> None:
    pairs = [((1, 2, n), t) for n in range(3, 13) for t in range(1, 41)]
    held = [pair for pair in pairs if is_held_out(*pair)]
    assert len(held) == 41
    assert held[:3] == [((1, 2, 3), 6), ((1, 2, 3), 17), ((1, 2, 3), 27)]


def test_training_uses_no_held_out_sentence() -> None:
    starts = {template.split("{")[0] for template in HELD_OUT_TEMPLATES}
    for index in range(300):
        prompt = example(1, index).problem.prompt
        assert not any(prompt.startswith(start) for start in starts)
        held = example(1, index, split=Split.TEMPLATES).problem.prompt
        assert any(held.startswith(start) for start in starts)


@pytest.mark.parametrize("numbers", [(1, 2, 3), (12, 7, 5), (9, 10, 1)])
def test_the_attempts_are_all_that_can_be_reached(numbers: tuple[int, ...]) -> None:
    assert {attempt.result for attempt in attempts(numbers)} == brute_results(numbers)
    for attempt in attempts(numbers):
        assert Puzzle("", numbers, attempt.result).is_right(attempt.expression)


def test_a_reply_is_well_formed_ends_right_and_repeats_no_attempt() -> None:
    for index in range(300):
        found = example(1, index, p_more=0.7)
        reply = Reply.parse(found.reply, ReplyFormat())
        assert found.problem.target <= MAX_TARGET
        assert found.problem.is_right(reply.answer)
        lines = [line for line in found.reply.split("\n") if " = " in line and "<" not in line]
        assert len(set(lines)) == len(lines) <= 9


def test_of_a_wrong_attempt_only_the_choices_are_masked() -> None:
    seen = 0
    for index in range(100):
        segments = example(2, index, p_more=0.7).segments
        for segment in segments:
            if not segment.loss:
                seen += 1
                assert segment.kind is Kind.WRONG
                before, sign, operand = segment.text.split(" ")
                assert before.isdigit()
                assert operand.isdigit()
                assert sign in "+-*"
        results = [s for s in segments if s.kind is Kind.WRONG and s.loss]
        assert all(s.text.startswith(" = ") for s in results)
    assert seen > 100


@pytest.mark.parametrize(
    "answer",
    ["(3 * 7) + 5 = 26", "3*7+5", " (3*7)+5 = 26 ", "5 + 3 * 7", "5+(7*3)=26"],
)
def test_the_checker_takes_any_expression_of_the_numbers(answer: str) -> None:
    assert Puzzle("", (3, 7, 5), 26).is_right(answer)


@pytest.mark.parametrize(
    "answer",
    ["", "26", "3*7+5=27", "3*7+5=", "37-11", "3*7+5+0", "3*7+(5", "7*3+5=26=26", "5**2+1", "3*7"],
)
def test_the_checker_refuses_anything_else(answer: str) -> None:
    puzzle = Puzzle("", (3, 7, 5), 26)
    assert puzzle.is_right(answer) is (answer == "3*7+5=")


def test_evaluate_knows_integers_signs_and_brackets_only() -> None:
    assert evaluate("(2 + 3) * 4 - 1") == 19
    assert evaluate("-3 + 4") is None
    for text in ("2 ** 3", "__import__('os')", "2 / 1", "", "((((", "1 2", "9" * 99):
        assert evaluate(text) is None
