import pytest

from train.evidence.arms import ARMS, HALF, REFLECTING, THINKING, Scale, find, thinking_of


def test_names_are_unique_and_found() -> None:
    assert [find(arm.name) for arm in ARMS] == list(ARMS)
    with pytest.raises(KeyError, match="no arm is called 'thinkin'; there is thinking; "):
        find("thinkin")


def test_all_arms_learn_from_equally_many_tokens() -> None:
    for arm in ARMS:
        used = arm.share + (find(arm.base).share if arm.base else 0.0)
        assert used == (0.5 if arm.name == HALF else 1.0), arm.name


def test_a_base_is_trained_before_what_starts_from_it() -> None:
    names = [arm.name for arm in ARMS]
    assert all(names.index(arm.base) < names.index(arm.name) for arm in ARMS if arm.base)


def test_each_arm_is_held_against_the_thinking_one_on_the_same_problems() -> None:
    for arm in ARMS:
        against = find(thinking_of(arm.name))
        assert not against.can_reflect
        assert against.num_numbers == arm.num_numbers
        assert against.words_share == arm.words_share


def test_only_a_starting_point_is_not_compared_with_a_mask_or_regime() -> None:
    assert not find(THINKING).can_reflect
    assert find(REFLECTING).can_reflect
    assert not find(HALF).can_reflect


def test_the_smoke_scale_is_small_in_everything() -> None:
    quick, full = Scale().quick(), Scale()
    names = ("num_tokens", "num_puzzles", "num_votes", "num_own", "width")
    assert all(getattr(quick, name) < getattr(full, name) for name in names)
