import math

import pytest

from train.scoring.ratios import GUESS, ifd_targets, ratio, rifd_targets
from train.scoring.target import Likelihood
from train.scoring.templates import TextTemplate

TEMPLATE = TextTemplate("Q: ", " A:", lead=" ")


def ok(num_targets: int, sum_nll: float) -> Likelihood:
    return Likelihood(num_targets, sum_nll, "ok")


def test_the_response_is_scored_under_its_question_and_alone() -> None:
    under, alone = ifd_targets("7/original", "Add.", "Three.", TEMPLATE, "1, 2")
    assert (under.key, alone.key) == ("7/original/y|x", "7/original/y")
    assert (under.context, under.target) == ("Q: Add.\n\n1, 2 A:", " Three.")
    assert (alone.context, alone.target, alone.beside) == ("", " Three.", under.context)


def test_the_question_is_scored_under_the_request_to_guess_it_and_alone() -> None:
    under, alone = rifd_targets("7/original", "Add.", "Use {response}.", TEMPLATE, "1, 2")
    assert under.context == f"Q: {GUESS.format(response='Use {response}.')} A:"
    assert under.target == alone.target == " Add.\n\n1, 2"
    assert (under.key, alone.key) == ("7/original/x|y", "7/original/x")


def test_a_blank_response_has_no_target_not_even_the_space_before_it() -> None:
    assert [target.target for target in ifd_targets("", "Add.", " \n", TEMPLATE)] == ["", ""]


def test_the_ratio_is_that_of_the_perplexities() -> None:
    assert ratio(ok(4, 4.0), ok(4, 8.0)) == pytest.approx(math.exp(1 - 2))


@pytest.mark.parametrize("status", ["failed", "too_long", "empty"])
def test_a_ratio_without_both_numbers_is_none_never_zero(status: str) -> None:
    bad = Likelihood(0, 0.0, status)  # type: ignore[arg-type]
    assert ratio(bad, ok(4, 8.0)) is None
    assert ratio(ok(4, 8.0), bad) is None


def test_a_ratio_that_no_float_holds_is_none() -> None:
    assert ratio(ok(1, 1e6), ok(1, 0.0)) is None
