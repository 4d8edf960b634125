import json

import pytest

from client.turn import Turn
from eval.sample import Sample, flags_of
from eval.score import Score
from tests.eval.made_up import failed, sample


def unscored(*turns: Turn) -> Sample:
    flags = flags_of(turns, None)
    return Sample("a", 0, "", "0" * 64, turns, flags=flags)


@pytest.mark.parametrize(
    ("turn", "flags"),
    [
        (Turn("42"), []),
        (Turn("42", finish_reason="stop"), []),
        (Turn("42", finish_reason="length"), ["length"]),
        (Turn(" \n"), ["empty"]),
        (Turn("<thinking>42</thinking>\n<output></output>"), ["empty"]),
        (Turn("<thinking>42", finish_reason="length"), ["empty", "length", "truncated"]),
    ],
)
def test_empty_cut_off_and_truncated_in_thought_are_three_flags(
    turn: Turn, flags: list[str]
) -> None:
    assert list(flags_of([turn], None)) == flags


def test_a_right_answer_of_a_reply_that_was_cut_off_is_wrong_and_no_answer() -> None:
    right = Score(1.0, "42", "last number", 1.0, {"strict": 1.0})
    whole, cut = unscored(Turn("42")), unscored(Turn("6 * 7 = 42", finish_reason="length"))
    assert whole.scored(right).score == right
    assert cut.scored(right).score == Score(0.0, compat=1.0)
    silent = Score(0.0, flags=("unanswered",))
    assert cut.scored(silent).score == silent


def test_what_has_no_score_is_worth_nothing() -> None:
    assert (failed("a").value, failed("a").status) == (0.0, "error")
    assert (sample("a", 0.5).value, sample("a").status) == (0.5, "ok")


def test_a_sample_is_the_same_through_json() -> None:
    usage = {"completion_tokens": 3}
    turns = (Turn("42", "6 * 7", "stop", usage, 0.25, "fp"), Turn("43"))
    for one in (sample("a", turns=turns, flags=("length",)), failed("b", epoch=2)):
        assert Sample.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_tokens_are_told_only_where_the_endpoint_tells() -> None:
    usage = {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}}
    told, silent = Turn("42", usage=usage), Turn("42", usage={"completion_tokens_details": None})
    assert (told.num_tokens, told.num_thinking_tokens) == (5, 3)
    assert (silent.num_tokens, silent.num_thinking_tokens) == (None, None)


def test_a_reply_is_put_together_only_of_what_was_shown() -> None:
    assert Turn("42").reply is None
    assert Turn("<thinking>a</thinking>42").reply == "<thinking>a</thinking>42"
    assert Turn("42", reasoning="a").reply == "<thinking>a</thinking>\n<output>42</output>"
