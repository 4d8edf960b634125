import pytest

from train.building.masks import Mask, copies
from train.segments import Kind, Segment

THINK = Segment("<thinking>\n", Kind.THINK)
WRONG = Segment("2 + 2 = 5\n", Kind.WRONG, loss=False)
CHECK = Segment("<reflection>No.</reflection>\n", Kind.REFLECTION)
REDO = Segment("2 + 2 = 4\n</thinking>\n", Kind.REDO)
OUTPUT = Segment("<output>4</output>", Kind.OUTPUT)
RETRY = (THINK, WRONG, CHECK, REDO, OUTPUT)


def learned(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments if segment.loss)


def test_no_mask_learns_all() -> None:
    (only,) = copies(RETRY, "none")
    assert learned(only) == "".join(segment.text for segment in RETRY)


def test_the_mask_by_segments_is_what_the_segments_say() -> None:
    assert copies(RETRY, "segment") == [RETRY]


def test_by_prefix_a_reflecting_reply_comes_twice_and_the_tag_is_learned() -> None:
    whole, second = copies(RETRY, "prefix")
    assert learned(whole) == "".join(segment.text for segment in RETRY)
    assert learned(second) == CHECK.text + REDO.text + OUTPUT.text
    assert [s.text for s in second] == [s.text for s in RETRY]


def test_by_prefix_mistakes_after_the_first_reflection_are_learned_in_both_copies() -> None:
    twice = (THINK, WRONG, CHECK, WRONG, CHECK, REDO, OUTPUT)
    whole, second = copies(twice, "prefix")
    assert learned(whole) == "".join(segment.text for segment in twice)
    assert learned(second) == "".join(segment.text for segment in twice[2:])


@pytest.mark.parametrize("mask", ["none", "segment", "prefix"])
def test_a_reply_that_does_not_reflect_comes_once_and_whole(mask: Mask) -> None:
    assert copies((THINK, REDO, OUTPUT), mask) == [(THINK, REDO, OUTPUT)]
