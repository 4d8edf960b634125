"""Sets of code points, and trees rebuilt from them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import (
    EMPTY,
    MAX_CODE_POINT,
    NOTHING,
    Chars,
    Either,
    Join,
    Node,
    Ranges,
    Repeat,
    Text,
    inverted,
    map_chars,
    merged,
)

RANGES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))),
    max_size=6,
).map(tuple)


def members(ranges: Ranges) -> set[int]:
    return {code for low, high in ranges for code in range(low, min(high, 50) + 1)}


@given(RANGES)
def test_merged_ranges_are_the_same_set_with_gaps_between_them(ranges: Ranges) -> None:
    found = merged(ranges)
    assert members(found) == members(ranges)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))


@given(RANGES)
def test_inverted_ranges_are_all_the_others(ranges: Ranges) -> None:
    assert members(inverted(ranges)) == set(range(51)) - members(ranges)
    assert inverted(inverted(ranges)) == merged(ranges)


def test_everything_inverted_is_nothing() -> None:
    assert inverted(((0, MAX_CODE_POINT),)) == ()


def test_each_character_of_texts_and_sets_is_changed_wherever_it_stands() -> None:
    tree = Join((Text("aé".encode()), Repeat(Either((Chars(((0x61, 0x62),)), EMPTY)), 1, 2)))
    seen: list[Ranges] = []

    def doubled(ranges: Ranges) -> Node:
        seen.append(ranges)
        return Repeat(Chars(ranges), 2, 2)

    dfa = compile_grammar(map_chars(tree, doubled))
    assert seen == [((0x61, 0x61),), ((0xE9, 0xE9),), ((0x61, 0x62),)]
    assert dfa.accepts("aaéé".encode())
    assert dfa.accepts("aaééabba".encode())
    assert not dfa.accepts("aaééaba".encode())


def test_a_shared_part_is_changed_once() -> None:
    shared = Chars(((0x61, 0x61),))
    tree: Node = shared
    for _ in range(60):
        tree = Join((tree, tree))
    calls: list[Ranges] = []

    def counted(ranges: Ranges) -> Node:
        calls.append(ranges)
        return EMPTY

    map_chars(tree, counted)
    assert len(calls) == 1


def test_characters_may_be_taken_away() -> None:
    assert map_chars(Text(b"a"), lambda ranges: NOTHING) == Join((NOTHING,))
