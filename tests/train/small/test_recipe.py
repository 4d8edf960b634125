import pytest

from train.small.recipe import Recipe

RECIPE = Recipe(num_warmup_steps=10, least_lr_share=0.02)


def test_the_rate_warms_up_then_falls_by_half_a_cosine() -> None:
    assert [RECIPE.lr_share(step, 0.0) for step in (0, 4, 9, 99)] == pytest.approx([0.1, 0.5, 1, 1])
    assert RECIPE.lr_share(99, 0.5) == pytest.approx((1 + 0.02) / 2)
    assert RECIPE.lr_share(99, 1.0) == pytest.approx(0.02)
