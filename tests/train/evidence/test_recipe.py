import pytest

from train.evidence.arms import SAME_RATE, Scale, find
from train.evidence.recipe import arm_recipe


def test_the_rate_is_held_then_falls_straight() -> None:
    recipe = arm_recipe(find("thinking"), 1, Scale())
    step = recipe.num_warmup_steps
    assert recipe.lr_share(0, 0.0) == pytest.approx(1 / step)
    assert [recipe.lr_share(step, phase) for phase in (0.0, 0.3, 0.6)] == pytest.approx([1, 1, 1])
    assert recipe.lr_share(step, 0.8) == pytest.approx((1 + recipe.least_lr_share) / 2)
    assert recipe.lr_share(step, 1.0) == pytest.approx(recipe.least_lr_share)


def test_arms_of_one_scale_differ_in_what_is_taught_alone() -> None:
    thinking, reflecting = (arm_recipe(find(name), 1, Scale()) for name in (SAME_RATE, "unmasked"))
    other = {"lesson": reflecting.to_dict()["lesson"]}
    assert thinking.to_dict() | other == reflecting.to_dict()
