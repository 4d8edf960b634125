"""The DFA of a tree against Python's matcher, its least size, and its bounds."""

from __future__ import annotations

import re
import unicodedata
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.grammars.dfa import MAX_STATES, Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import (
    ANY,
    EMPTY,
    NOTHING,
    Chars,
    Either,
    GrammarError,
    Join,
    Node,
    Ranges,
    Repeat,
    Text,
)

AB = Chars(((0x61, 0x62),))
DIGIT = Chars(((0x30, 0x39),))
LEAVES: st.SearchStrategy[Node] = st.sampled_from(
    [Text(b"a"), Text(b"ab"), Text("é".encode()), AB, Chars(((0x61, 0xEA),)), EMPTY, NOTHING]
)


def grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, max_size=3).map(tuple)
    bounds = st.tuples(st.integers(0, 2), st.integers(0, 2) | st.just(inf))
    repeats = st.builds(
        lambda part, counts: Repeat(
            part, counts[0], None if counts[1] == inf else counts[0] + counts[1]
        ),
        inner,
        bounds,
    )
    return st.builds(Join, several) | st.builds(Either, several) | repeats


TREES = st.recursive(LEAVES, grown, max_leaves=10)


def as_pattern(node: Node) -> str:
    match node:
        case Text(data):
            return re.escape(data.decode())
        case Chars(ranges):
            return "[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges) + "]"
        case Join(parts):
            return "".join(map(as_pattern, parts))
        case Either(options):
            return f"(?:{'|'.join(map(as_pattern, options))})" if options else "(?!)"
        case Repeat(part, least, most):
            inner = as_pattern(part)
            if most is None:
                return f"(?:{inner})" * least + f"(?:{inner})*"
            optional = ""
            for _ in range(most - least):
                optional = f"(?:(?:{inner}){optional})?"
            return f"(?:{inner})" * least + optional


def compiled(node: Node) -> Dfa | None:
    try:
        return compile_grammar(node)
    except GrammarError:
        return None


@settings(max_examples=400, deadline=None)
@given(TREES, st.lists(st.text(alphabet="abcé", max_size=6), min_size=1, max_size=15))
def test_a_tree_matches_what_pythons_pattern_of_it_does(node: Node, texts: list[str]) -> None:
    dfa = compiled(node)
    pattern = re.compile(as_pattern(node))
    for text in texts:
        is_match = dfa is not None and dfa.accepts(text.encode())
        assert is_match == (pattern.fullmatch(text) is not None), text


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_no_two_states_of_a_dfa_have_the_same_language(node: Node) -> None:
    dfa = compiled(node)
    if dfa is None:
        return
    blocks = np.where(dfa.accepting, 1, 0)
    while True:
        rows = np.column_stack([blocks, blocks[dfa.next]])
        _, finer = np.unique(rows, axis=0, return_inverse=True)
        if finer.max() == blocks.max():
            break
        blocks = finer
    assert len(set(blocks.tolist())) == dfa.num_states + 1


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_every_state_is_reached_and_leads_to_the_end_and_the_last_is_dead(node: Node) -> None:
    dfa = compiled(node)
    if dfa is None:
        return
    dead = dfa.num_states
    reached, open_ = {0}, [0]
    while open_:
        new = {int(state) for state in dfa.next[open_.pop()]} - reached - {dead}
        reached |= new
        open_ += new
    assert reached == set(range(dead))
    ends = dfa.accepting.copy()
    for _ in range(dfa.num_states):
        ends |= ends[dfa.next].any(axis=1)
    assert ends[:dead].all()
    assert not ends[dead]
    assert (dfa.next[dead] == dead).all()


@pytest.mark.parametrize(
    "ranges",
    [
        ((0, 0x10FFFF),),
        ((0x7F, 0x80),),
        ((0x7FF, 0x800), (0xFFFF, 0x10000)),
        ((0xD7FF, 0xE000),),
        ((0x61, 0x61), (0x100, 0x17F), (0x3041, 0x309F), (0x1F600, 0x1F64F)),
        ((0x10FFFE, 0x10FFFF), (0x12345, 0x54321)),
        tuple((code, code) for code in range(0, 0x3000, 37)),
    ],
)
def test_a_set_of_characters_is_exactly_their_encodings(ranges: Ranges) -> None:
    dfa = compile_grammar(Chars(ranges))
    near = {bound + step for pair in ranges for bound in pair for step in (-1, 0, 1)}
    for code in sorted(near | set(range(0x3100)) | set(range(0, 0x110000, 1023))):
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            continue
        is_member = any(low <= code <= high for low, high in ranges)
        assert dfa.accepts(chr(code).encode()) == is_member, hex(code)


def test_what_is_not_utf8_is_no_character() -> None:
    dfa = compile_grammar(ANY)
    surrogate = "\ud800".encode(errors="surrogatepass")
    for wrong in [
        b"",
        b"\x80",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        surrogate,
        b"\xf4\x90\x80\x80",
        b"\xff",
    ]:
        assert not dfa.accepts(wrong)
    assert dfa.num_states == 1 + 7 + 1


def test_every_letter_of_unicode_is_a_set_like_any_other() -> None:
    letters = [code for code in range(0x110000) if unicodedata.category(chr(code))[0] == "L"]
    dfa = compile_grammar(Chars(tuple((code, code) for code in letters)))
    assert dfa.accepts("ß".encode())
    assert not dfa.accepts(b"1")


@pytest.mark.parametrize("ranges", [(), ((0xD800, 0xDFFF),)])
def test_a_set_without_characters_matches_nothing(ranges: Ranges) -> None:
    assert compile_grammar(Either((Chars(ranges), Text(b"a")))).num_states == 2
    with pytest.raises(GrammarError, match="nothing"):
        compile_grammar(Join((Text(b"a"), Chars(ranges))))


def test_a_long_string_with_escapes_is_counted_in_characters() -> None:
    escape = Join((Text(b"\\"), Chars(((0x22, 0x22), (0x5C, 0x5C)))))
    plain = Chars(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF)))
    dfa = compile_grammar(Repeat(Either((plain, escape)), 2, 500))
    assert dfa.accepts(b'\\"' * 500)
    assert dfa.accepts("😀".encode() * 500)
    assert not dfa.accepts(b"a" * 501)
    assert not dfa.accepts(b"\\\\")


def test_ten_thousand_choices_are_as_small_as_their_common_endings() -> None:
    names = [f"item_{number:05}" for number in range(10_000)]
    dfa = compile_grammar(Either(tuple(Text(name.encode()) for name in names)))
    assert dfa.num_states == 11
    assert dfa.accepts(b"item_09999")


def test_shared_parts_and_any_depth_of_nesting_cost_no_recursion() -> None:
    node: Node = Text(b"a")
    for _ in range(20_000):
        node = Repeat(Join((node,)), 0, 1)
    assert compile_grammar(node).num_states == 2
    empty: Node = EMPTY
    for _ in range(100):
        empty = Join((empty, empty))
    assert compile_grammar(empty).num_states == 1


def test_counts_of_the_empty_text_cost_nothing() -> None:
    assert compile_grammar(Repeat(EMPTY, 10**9, None)).num_states == 1
    assert compile_grammar(Repeat(EMPTY, 0, 10**9)).num_states == 1


def test_a_cycle_of_many_states_is_minimised_without_a_round_for_each() -> None:
    assert compile_grammar(Repeat(Repeat(DIGIT, 9_000, 9_000))).num_states == 9_000


HOSTILE: dict[str, Node] = {
    "counted loops": Repeat(Repeat(EMPTY), 0, 10**9),
    "a great count": Repeat(ANY, 10**9, None),
    "the k-th from the end": Join((Repeat(AB), Text(b"a"), Repeat(AB, 25, 25))),
    "many options": Join(tuple(Repeat(Text(b"x%d," % at), 0, 1) for at in range(5_000))),
    "coprime cycles": Either(tuple(Repeat(Text(b"a" * p)) for p in (11, 13, 17, 19, 23))),
    "long texts": Either(tuple(Text(b"%09d" % (at**3) * 40) for at in range(2_000))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_tree_that_is_too_large_is_refused(name: str) -> None:
    with pytest.raises(GrammarError, match="too large"):
        compile_grammar(HOSTILE[name])


def test_the_limit_is_the_number_of_states_after_minimisation() -> None:
    long = Repeat(DIGIT, 99, 99)
    assert compile_grammar(long, max_states=100).num_states == 100
    with pytest.raises(GrammarError, match="at most 99 states, this one has 100"):
        compile_grammar(long, max_states=99)
    assert MAX_STATES == 20_000


def test_a_tree_that_matches_nothing_is_refused() -> None:
    nothings: list[Node] = [NOTHING, Join((AB, NOTHING)), Repeat(NOTHING, 1), Repeat(AB, 2, 1)]
    for node in nothings:
        with pytest.raises(GrammarError, match="nothing"):
            compile_grammar(node)


def test_a_walk_goes_on_from_any_state() -> None:
    dfa = compile_grammar(Text(b"abc"))
    assert dfa.accepting[dfa.walk(b"bc", dfa.walk(b"a"))]
    assert dfa.walk(b"x") == dfa.num_states
