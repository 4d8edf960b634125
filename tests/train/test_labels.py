import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train.labels import (
    CODES,
    PROMPT,
    learned_tokens,
    mark_kinds,
    mark_learned,
    straddling_tokens,
    token_kinds,
)
from train.segments import Kind, Segment

SEGMENTS = (
    Segment("ab", Kind.THINK),
    Segment("cd", Kind.WRONG, loss=False),
    Segment("ef", Kind.OUTPUT),
)


def offsets(*lengths: int) -> np.ndarray:
    """Cut a text into tokens of these lengths."""
    ends = np.cumsum(lengths)
    return np.stack([ends - lengths, ends], axis=1)


def test_characters_of_prompt_and_masked_segments_are_not_learned() -> None:
    learned = mark_learned(3, SEGMENTS, 10)
    assert learned.tolist() == [False] * 3 + [True] * 2 + [False] * 2 + [True] * 3


def test_a_token_with_one_masked_character_is_not_learned() -> None:
    learned = mark_learned(3, SEGMENTS, 10)
    cut = offsets(3, 1, 2, 1, 2, 1)  # prompt | a | bc | d | ef | end
    assert learned_tokens(learned, cut).tolist() == [False, True, False, False, True, True]
    assert straddling_tokens(learned, cut).tolist() == [False, False, True, False, False, False]


def test_the_end_of_the_turn_is_learned_and_is_of_the_last_kind() -> None:
    kinds = token_kinds(mark_kinds(3, SEGMENTS, 10), offsets(3, 2, 2, 2, 1))
    wanted = [CODES[kind] for kind in (Kind.THINK, Kind.WRONG, Kind.OUTPUT, Kind.OUTPUT)]
    assert kinds.tolist() == [PROMPT, *wanted]


def test_two_tokens_of_one_character_share_its_fate() -> None:
    learned = mark_learned(1, (Segment("é", Kind.WRONG, loss=False),), 3)
    halves = np.array([[0, 1], [1, 2], [1, 2], [2, 3]])
    assert learned_tokens(learned, halves).tolist() == [False, False, False, True]


@given(
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1),
    st.integers(0, 4),
    st.lists(st.integers(1, 6), min_size=60, max_size=60),
)
def test_the_marks_are_those_of_going_through_every_character(
    parts: list[tuple[int, bool]], head: int, lengths: list[int]
) -> None:
    segments = [Segment("x" * length, Kind.THINK, loss) for length, loss in parts]
    wanted = [False] * head + [loss for length, loss in parts for _ in range(length)] + [True]
    cut = offsets(*lengths)
    cut = cut[: np.searchsorted(cut[:, 1], len(wanted), side="right")]
    learned = mark_learned(head, segments, len(wanted))
    assert learned.tolist() == wanted
    assert learned_tokens(learned, cut).tolist() == [all(wanted[a:b]) for a, b in cut]
    mixed = [any(wanted[a:b]) and not all(wanted[a:b]) for a, b in cut]
    assert straddling_tokens(learned, cut).tolist() == mixed
