"""Patterns against Python's own, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decoding.grammars.dfa import Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import GrammarError
from decoding.grammars.pattern import MAX_NESTING, parse, search
from decoding.grammars.pattern_counts import MAX_COUNT

ATOMS = ["a", "b", "é", "1", " ", "_", "-", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\n"]
ATOMS += ["[ab]", "[^ab]", "[a-c_]", r"[\d-]", r"[^\w]", "[b-é]", r"\.", r"\x61", r"\u00e9", "😀"]
TEXTS = st.text(alphabet="ab1cé _-.\n😀", max_size=8)


def pieces(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "??", "{1,2}?"])
    group = st.builds("({})".format, inner) | st.builds("(?:{})".format, inner)
    return (
        st.builds("{}{}".format, inner, inner)
        | st.builds("{}|{}".format, inner, inner)
        | group
        | st.builds("{}{}".format, group, counts)
    )


PATTERNS = st.recursive(st.sampled_from(ATOMS), pieces, max_leaves=8)


def compiled(pattern: str) -> Dfa:
    return compile_grammar(parse(pattern))


def searched(pattern: str) -> Dfa:
    return compile_grammar(search(pattern))


@settings(max_examples=250, deadline=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=12))
def test_a_pattern_matches_the_whole_texts_that_pythons_matches(
    pattern: str, texts: list[str]
) -> None:
    dfa = compiled(pattern)
    for text in texts:
        expected = re.fullmatch(pattern, text, re.ASCII) is not None
        assert dfa.accepts(text.encode()) == expected, text


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["", "^", "(?:^|a)"]),
    PATTERNS,
    st.sampled_from(["", "$", "(?:$|b)"]),
    st.lists(TEXTS, min_size=1, max_size=12),
)
def test_a_search_matches_the_texts_in_which_python_finds_the_pattern(
    before: str, pattern: str, after: str, texts: list[str]
) -> None:
    whole = f"{before}(?:{pattern}){after}"
    dfa = searched(whole)
    for text in texts:
        expected = re.search(whole.replace("$", r"\Z"), text, re.ASCII) is not None
        assert dfa.accepts(text.encode()) == expected, text


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=r"ab()[]{}^$|*+?\.-,012dwu", max_size=14), st.lists(TEXTS, max_size=6))
def test_any_string_is_a_pattern_that_python_reads_alike_or_is_refused(
    pattern: str, texts: list[str]
) -> None:
    try:
        dfa = compiled(pattern)
    except GrammarError:
        return
    try:
        ours = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    except re.error:
        assume(False)
    for text in ["", *texts]:
        assert dfa.accepts(text.encode()) == (ours.fullmatch(text) is not None), text


def test_a_search_without_anchors_may_begin_and_end_anywhere() -> None:
    dfa = searched("b+")
    assert dfa.accepts("aébbc\n".encode())
    assert not dfa.accepts(b"ac")


def test_an_anchor_binds_only_the_alternative_that_it_stands_in() -> None:
    dfa = searched("^a|b$|^c$")
    texts = ["a", "ax", "xb", "c", "xc", "cx", "xa", "bx"]
    assert [text for text in texts if dfa.accepts(text.encode())] == ["a", "ax", "xb", "c"]


def test_an_optional_anchored_group_is_anchored_only_where_it_is_read() -> None:
    dfa = searched("(^x)?y$")
    assert [text for text in ["xy", "y", "zy", "yz"] if dfa.accepts(text.encode())] == [
        "xy",
        "y",
        "zy",
    ]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\u{1F600}", "😀"),
        (r"\uD83D\uDE00", "😀"),
        (r"[\uD83D\uDE00-\u{1F602}]", "😁"),
        (r"\t\n\r\f\v\0", "\t\n\r\f\v\0"),
        (r"[\b]", "\b"),
        (r"\{\}\[\]\(\)\/\-\^\$", "{}[]()/-^$"),
        (r'{"a": 1}', '{"a": 1}'),
        (r"(?<year>\d{4})-(?P<month>\d\d)", "2024-05"),
        (r"\A(a|b)\Z", "b"),
        (r"^^a$$", "a"),
        (r"\s", "\ufeff"),
        (r"[^\]-a]", "b"),
        ("", ""),
        ("()", ""),
        ("a{0}", ""),
    ],
)
def test_a_pattern_matches_its_text(pattern: str, text: str) -> None:
    assert compiled(pattern).accepts(text.encode())


def test_a_dot_is_every_character_but_a_line_end() -> None:
    dfa = compiled(".")
    for code in [*range(0x3000), 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]:
        assert dfa.accepts(chr(code).encode()) == (chr(code) not in "\n\r\u2028\u2029")


@pytest.mark.parametrize(
    ("pattern", "position", "reason"),
    [
        ("a(?=b)", 3, "look-ahead"),
        ("a(?!b)", 3, "look-ahead"),
        ("(?<=a)b", 2, "look-behind"),
        ("(?<!a)b", 2, "look-behind"),
        (r"(a)\1", 3, "back-reference"),
        ("(?P<n>a)(?P=n)", 10, "back-reference"),
        (r"\bword", 0, "boundaries"),
        (r"a\B", 1, "boundaries"),
        ("a++", 2, "possessive"),
        ("(?>a)", 2, "atomic"),
        ("(?i)a", 2, "flags"),
        (r"\q", 0, "unknown escape"),
        (r"\p{L}", 0, "properties"),
        (r"\07", 0, "octal"),
        ("(a", 0, "closing"),
        ("a)", 1, "open"),
        ("[a", 0, "closing"),
        ("[]a]", 1, "escape"),
        ("[b-a]", 1, "range"),
        (r"[a-\d]", 1, "range"),
        ("[[:alpha:]]", 1, "dialects"),
        ("[a&&b]", 2, "dialects"),
        ("a\\", 2, "ends"),
        ("*a", 0, "repeat"),
        ("a**", 2, "one quantifier"),
        ("a{2}{3}", 4, "one quantifier"),
        ("a{10000}{10000}", 8, "one quantifier"),
        ("a{3,2}", 1, "least count"),
        ("a{,2}", 1, "least count"),
        (f"a{{{MAX_COUNT + 1}}}", 1, "10,000"),
        ("a{" + "9" * 5_000 + "}", 1, "10,000"),
        ("a^b", 1, "begins"),
        ("a$b", 2, "after"),
        ("(a$|b)c", 6, "after"),
        ("(^a)*", 0, "anchor"),
        ("^*", 0, "anchor"),
        (r"\uD83D", 0, "surrogate"),
        (r"\uD83D\u0061", 12, "surrogate"),
        ("\ud83d", 0, "surrogate"),
        (r"\x6", 2, "hexadecimal"),
        (r"\u{110000}", 9, "10FFFF"),
        (r"\u{61", 4, "brace"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_position(
    pattern: str, position: int, reason: str
) -> None:
    with pytest.raises(GrammarError, match=reason) as refusal:
        parse(pattern)
    assert f"position {position}:" in str(refusal.value)


def test_a_pattern_of_any_depth_is_refused_without_recursion() -> None:
    assert compiled("(" * MAX_NESTING + "a" + ")" * MAX_NESTING).accepts(b"a")
    for deep in ["(" * 60_000, "(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1)]:
        with pytest.raises(GrammarError, match="nested"):
            parse(deep)


def test_a_pattern_that_is_too_long_is_refused() -> None:
    with pytest.raises(GrammarError, match="65,536"):
        parse("a" * 65_537)


def test_patterns_that_make_backtracking_matchers_hang_are_small_here() -> None:
    dfa = searched("(a+)+$")
    assert dfa.num_states == 2 + 7  # two, and those inside a character
    assert compiled("(a*)*b").num_states == 2
    assert not compiled("(a|aa)+b").accepts(b"a" * 5_000)


@pytest.mark.parametrize(
    "pattern",
    ["(a|b)*a(a|b){20}", "((a{0,99}){0,99}){0,99}", "(.*a.{30}){9}"],
)
def test_patterns_of_too_many_states_are_refused(pattern: str) -> None:
    with pytest.raises(GrammarError, match="too large"):
        compiled(pattern)
