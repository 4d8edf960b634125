import math

from eval.reports.scale import p_value, scale_of
from eval.tasks.catalogue import CATALOGUE, find


def test_scores_are_per_cent() -> None:
    scale = scale_of("gsm8k")
    assert (scale.number(0.21683), scale.signed(-0.04321)) == ("21.68", "−4.32")
    assert scale.bounds({"low": 0.1954, "high": 0.2399}) == "[19.54, 23.99]"


def test_grades_keep_their_own_scale() -> None:
    assert scale_of("mt_bench").number(7.5) == "7.50"
    assert scale_of("pairwise").signed(0.25) == "+0.25"


def test_what_is_not_known_is_not_a_number() -> None:
    scale = scale_of("gsm8k")
    assert (scale.number(None), scale.number(math.inf)) == ("–", "–")
    assert scale.bounds({"low": None, "high": None}) == ""


def test_every_judged_task_has_the_scale_that_its_unit_says() -> None:
    judged = {name: find(name).judging for name in CATALOGUE}
    for name, judging in judged.items():
        if judging is not None:
            assert f"{scale_of(name).best:g}]" in judging.unit


def test_a_p_value_keeps_three_digits() -> None:
    assert [p_value(p) for p in (0.00315, 0.5, 6.1e-78)] == ["0.00315", "0.5", "6.1e-78"]
