from tests.train.evidence.made_up import result
from train.evidence.comparison import compare_arms
from train.evidence.plots import evidence_plot


def test_arms_that_are_there_are_drawn_and_others_left_out() -> None:
    figures = compare_arms({arm: {1: result(arm, 1, [1, 0])} for arm in ("thinking", "reflecting")})
    drawn = evidence_plot(figures, ("thinking", "reflecting", "unmasked"))
    assert "thinking, majority of k answers" in drawn
    assert "reflecting, one reply cut there" in drawn
    assert "unmasked" not in drawn
    assert drawn == evidence_plot(figures, ("thinking", "reflecting", "unmasked"))
