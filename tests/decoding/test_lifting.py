"""Lifting: a token is the composition of its bytes."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.byte_dfa import ByteDfa
from decoding.format import ReplyFormat
from decoding.lifting import DEAD, lift
from decoding.reply_parts import free_answer, head_part
from decoding.vocabulary import Vocabulary


@pytest.mark.parametrize("part", [head_part, free_answer])
def test_every_token_moves_every_state_as_its_bytes_do(
    vocabulary: Vocabulary, part: object
) -> None:
    assert callable(part)
    dfa: ByteDfa = part(ReplyFormat())
    tokens = lift(dfa, vocabulary)
    for token_id, text in enumerate(vocabulary.token_bytes):
        function = tokens.functions[token_id]
        if not text:
            assert function == DEAD
            continue
        for state in range(dfa.num_states):
            assert tokens.next[function, state] == dfa.walk(text, state)


def test_events_are_those_of_all_bytes_up_to_a_dead_end(vocabulary: Vocabulary) -> None:
    dfa = head_part(ReplyFormat())
    assert dfa.opens is not None
    assert dfa.closes is not None
    tokens = lift(dfa, vocabulary)
    seen = set()
    for token_id, text in enumerate(vocabulary.token_bytes):
        for state in range(dfa.num_states):
            at, opens, closes = state, 0, 0
            for byte in text or b"":
                opens, closes = opens + dfa.opens[at, byte], closes + dfa.closes[at, byte]
                at = int(dfa.next[at, byte])
            if at == dfa.num_states or not text:
                opens = closes = 0
            function = tokens.functions[token_id]
            assert (tokens.opens[function, state], tokens.closes[function, state]) == (
                opens,
                closes,
            )
            seen.add((int(opens), int(closes)))
    assert {(0, 0), (1, 0), (0, 1), (1, 1)} <= seen


def test_tokens_that_live_nowhere_share_the_dead_function() -> None:
    tokens = lift(free_answer(ReplyFormat()), Vocabulary([b"\xff", b"\xc0a", b"a", None]))
    assert tokens.functions.tolist()[:2] == [DEAD, DEAD]
    assert tokens.functions[2] != DEAD
    assert (np.asarray(tokens.next[DEAD]) == tokens.next.shape[1] - 1).all()
