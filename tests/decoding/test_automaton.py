"""The automaton: lifted right, and no dead end on any budget."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import numpy.typing as npt
import pytest

from decoding.automaton import MAX_MIN_REFLECTIONS, Automaton
from decoding.byte_dfa import Phase
from decoding.distances import FAR
from decoding.format import ReplyFormat
from decoding.head import AutomatonError
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP, mixed_tokens


def test_events_are_counted_over_the_whole_token(
    vocabulary: Vocabulary, automaton: Automaton
) -> None:
    inside = int(np.flatnonzero(automaton.phases == Phase.THINKING)[0])
    assert automaton.start != inside
    thinking = _after(automaton, vocabulary, b"<thinking>")
    assert (
        _event(automaton.opens, thinking, automaton, vocabulary, b"<reflection>x</reflection>") == 1
    )
    assert _event(automaton.closes, thinking, automaton, vocabulary, b"</thinking><thinking>") == 1
    reflection = _after(automaton, vocabulary, b"<thinking>", b"<reflection>")
    assert (
        _event(automaton.closes, reflection, automaton, vocabulary, b"</reflection></thinking>")
        == 1
    )


def _id(vocabulary: Vocabulary, text: bytes) -> int:
    return vocabulary.token_bytes.index(text)


def _after(automaton: Automaton, vocabulary: Vocabulary, *texts: bytes) -> int:
    state = automaton.start
    for text in texts:
        state = int(automaton.next[state, automaton.classes[_id(vocabulary, text)]])
    return state


def _event(
    table: npt.NDArray[np.int8],
    state: int,
    automaton: Automaton,
    vocabulary: Vocabulary,
    text: bytes,
) -> int:
    return int(table[state, automaton.classes[_id(vocabulary, text)]])


def test_a_token_that_closes_thinking_and_opens_a_reflection_is_illegal(
    vocabulary: Vocabulary, automaton: Automaton
) -> None:
    thinking = _after(automaton, vocabulary, b"<thinking>")
    token = _id(vocabulary, b"</thinking><thinking><reflection>")
    assert automaton.next[thinking, automaton.classes[token]] == -1


def test_tokens_without_text_are_illegal_and_stop_tokens_only_end(automaton: Automaton) -> None:
    empty = mixed_tokens().index(b"")
    assert (automaton.next[:, automaton.classes[empty]] == -1).all()
    ends = np.flatnonzero(automaton.next[:, automaton.classes[STOP]] >= 0)
    assert set(automaton.phases[ends]) == {Phase.END, Phase.DONE}


def test_least_replies_with_tags_as_single_tokens(automaton: Automaton) -> None:
    # <thinking> </thinking>\n<output> 42</output> EOS, and one token a reflection
    assert [automaton.least_tokens(k) for k in range(3)] == [4, 5, 6]
    assert [automaton.least_thinking_tokens(k) for k in range(3)] == [1, 2, 3]


def test_least_replies_of_plain_bytes_count_every_byte() -> None:
    vocabulary = Vocabulary([*(bytes([byte]) for byte in range(256)), None])
    automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP])
    assert automaton.least_tokens() == len("<thinking></thinking><output>x</output>") + 1
    assert automaton.least_thinking_tokens() == len("</thinking>")
    reflection = len("<reflection></reflection>")
    assert automaton.least_tokens(2) == automaton.least_tokens() + 2 * reflection


def test_the_check_finds_a_planted_dead_end(automaton: Automaton) -> None:
    planted = copy.copy(automaton)
    thinking = int(np.flatnonzero(automaton.phases == Phase.THINKING)[0])
    close = automaton.close.copy()
    close[2, thinking] -= 1  # promises an exit that does not exist
    object.__setattr__(planted, "close", close)
    with pytest.raises(AutomatonError, match=f"state {thinking} has no legal token with 2"):
        planted.check()


def test_distances_are_those_of_a_plain_search(automaton: Automaton) -> None:
    """Breadth-first over (need, state), by hand, for the needs 0 to 2."""
    for need in range(3):
        for state in range(automaton.num_states):
            assert automaton.finish[need, state] == _search(automaton, state, need), (state, need)


def _search(automaton: Automaton, state: int, need: int) -> int:
    seen, frontier, steps = {(state, need)}, [(state, need)], 0
    while frontier:
        if any(s == automaton.done for s, _ in frontier):
            return steps
        following = []
        for s, k in frontier:
            for token_class in np.flatnonzero(automaton.next[s] >= 0):
                if (automaton.closes[s, token_class] and k) or automaton.opens[s, token_class] > k:
                    continue
                at = (
                    int(automaton.next[s, token_class]),
                    max(0, k - int(automaton.opens[s, token_class])),
                )
                if at not in seen:
                    seen.add(at)
                    following.append(at)
        frontier, steps = following, steps + 1
    return FAR


@pytest.mark.parametrize("count", range(7))
def test_any_set_of_tags_may_be_tokens_and_the_others_spelled_out(count: int) -> None:
    pieces = [b"<", b"</", b">", b"thinking", b"reflection", b"output", b"><", b"></"]
    letters = [bytes([byte]) for byte in range(256)]
    for tags in itertools.combinations(ReplyFormat().tags, count):
        vocabulary = Vocabulary([*letters, None, *pieces, *(tag.encode() for tag in tags)])
        automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP])
        assert automaton.least_tokens(1) < FAR


def test_a_way_out_never_opens_a_reflection_that_is_not_required() -> None:
    letters = [bytes([byte]) for byte in range(256)]
    vocabulary = Vocabulary([*letters, None, b"</reflection></thinking>"])
    automaton = Automaton.build(ReplyFormat(), vocabulary, [STOP])
    state = automaton.start
    for byte in b"<thinking":
        state = int(automaton.next[state, automaton.classes[byte]])
    assert automaton.finish[0, state] == len("></thinking><output>x</output>") + 1


@pytest.mark.parametrize("need", [0, 1, MAX_MIN_REFLECTIONS])
def test_a_prefix_moves_the_start(vocabulary: Vocabulary, automaton: Automaton, need: int) -> None:
    prefilled = Automaton.build(ReplyFormat(), vocabulary, [STOP], "<thinking>\n")
    assert prefilled.least_tokens(need) == automaton.least_tokens(need) - 1
    assert prefilled.num_states <= automaton.num_states


@pytest.mark.parametrize(
    "prefix", ["x", "<output>", "<thinking></thinking><output>", "<thinking><reflection>"]
)
def test_a_prefix_outside_the_thinking_text_is_refused(vocabulary: Vocabulary, prefix: str) -> None:
    with pytest.raises(AutomatonError, match="reply_prefix"):
        Automaton.build(ReplyFormat(), vocabulary, [STOP], prefix)


@pytest.mark.parametrize("stop", [[], [-1], [100_000]])
def test_stop_ids_outside_the_vocabulary_are_refused(
    vocabulary: Vocabulary, stop: list[int]
) -> None:
    with pytest.raises(AutomatonError, match="stop_token_ids"):
        Automaton.build(ReplyFormat(), vocabulary, stop)


def test_a_vocabulary_that_cannot_spell_the_tags_is_refused() -> None:
    with pytest.raises(AutomatonError, match="cannot spell"):
        Automaton.build(ReplyFormat(), Vocabulary([b"a", b"<", None]), [2])
