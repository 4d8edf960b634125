"""Stop strings are found wherever the text is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.replies.stops import StopMatcher


def cut(text: str, stops: list[str]) -> str:
    """Cut a whole text as stop strings do: a plain reference."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


def feed(stops: list[str], pieces: list[str]) -> str:
    matcher = StopMatcher(stops)
    return "".join([*map(matcher.feed, pieces), matcher.flush()])


def test_without_stops_everything_passes_at_once() -> None:
    matcher = StopMatcher([])
    assert matcher.feed("abc") == "abc"
    assert matcher.flush() == ""


def test_text_that_may_become_a_stop_is_held_back_and_released() -> None:
    matcher = StopMatcher(["STOP"])
    assert matcher.feed("go ST") == "go "
    assert matcher.feed("A") == "STA"
    assert matcher.feed("ST") == ""
    assert matcher.flush() == "ST"
    assert not matcher.is_hit


def test_nothing_passes_after_a_stop() -> None:
    matcher = StopMatcher(["."])
    assert matcher.feed("one. two.") == "one"
    assert matcher.is_hit
    assert matcher.feed("three") == ""
    assert matcher.flush() == ""


def test_the_stop_that_is_complete_first_decides_and_the_longest_of_those() -> None:
    assert feed(["abcd", "bc"], ["xabcd"]) == "xa"
    assert feed(["c", "abc"], ["xabcd"]) == "x"


def test_a_stop_that_overlaps_itself_is_found() -> None:
    assert feed(["aab"], ["a", "a", "a", "b"]) == "a"


@given(
    st.text("ab\n", max_size=12),
    st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=3),
    st.data(),
)
def test_the_result_does_not_depend_on_the_cuts(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    ends = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {len(text)})
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert feed(stops, pieces) == cut(text, stops)
