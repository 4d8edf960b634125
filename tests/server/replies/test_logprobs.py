"""Logprobs are of the answer's tokens alone, and come with the text that these tokens write."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from decoding.budget import Budget
from server.engines.engine import EngineDelta, Sampling, TokenLogprob
from server.model import ServedModel
from server.plan import Plan
from server.replies.choice import AnswerDelta, Choice
from server.replies.logprobs import LEAST, AnswerToken, TokenChance, as_json, token_text

THINKING = "<thinking>\nHm 🙂.\n<reflection>\nNo.\n</reflection>\n</thinking>\n"
ANSWERS = (
    "7 apples",
    "a < b </b> <c>.\n\nYes.",
    "数学 🙂🙂 café",
    "\n\n7\n\n",
    "<",
    "<output",
    "7</",
)
Entries = tuple[TokenLogprob, ...]


def choice(model: ServedModel, *stops: str, num_top: int = 0) -> Choice:
    budget = Budget(max_tokens=400, max_thinking_tokens=300)
    plan = Plan((1,), budget, (Sampling(400, 1.0),), stops, False, num_top_logprobs=num_top)
    return Choice(model, plan, 0)


def ids(model: ServedModel, answer: str) -> list[int]:
    text = f"{THINKING}<output>{answer}</output>"
    return [*model.prompter.encode(text), model.bundle.stop_token_ids[0]]


def plain(token_ids: list[int]) -> list[Entries]:
    """Return for each token its own entry, whose number is its position."""
    return [(TokenLogprob(token, -position / 1024, 1),) for position, token in enumerate(token_ids)]


def read(
    it: Choice, token_ids: list[int], entries: Sequence[Entries], cuts: list[int]
) -> list[AnswerDelta]:
    """Feed the tokens in pieces that end at the cuts; return the pieces of the answer."""
    deltas = []
    for start, stop in zip([0, *cuts], [*cuts, len(token_ids)], strict=True):
        reason: Any = "stop" if stop == len(token_ids) else None
        piece = EngineDelta(0, tuple(token_ids[start:stop]), reason, tuple(entries[start:stop]))
        deltas += [event for event in it.feed(piece) if isinstance(event, AnswerDelta)]
        if it.finish_reason:
            break
    return deltas


def expected(model: ServedModel, token_ids: list[int], text: str) -> list[TokenChance]:
    """Return the tokens that lie wholly in the text of the answer, found by their places."""
    pieces = [model.vocabulary.token_bytes[token] or b"" for token in token_ids]
    whole = b"".join(pieces)
    start = whole.index(b"<output>") + len(b"<output>")
    start += whole[start:].startswith(b"\n")
    stop = start + len(text.encode())
    found, at = [], 0
    for position, piece in enumerate(pieces):
        if piece and start <= at and at + len(piece) <= stop:
            found.append(TokenChance(piece, -position / 1024))
        at += len(piece)
    return found


def tokens(deltas: list[AnswerDelta]) -> list[AnswerToken]:
    return [token for delta in deltas for token in delta.logprobs or ()]


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_token_of_the_answer_comes_once_at_every_cut(answer: str, model: ServedModel) -> None:
    token_ids = ids(model, answer)
    text = "".join(delta.text for delta in read(choice(model), token_ids, plain(token_ids), []))
    for cut in range(1, len(token_ids)):
        deltas = read(choice(model), token_ids, plain(token_ids), [cut])
        assert [token.chosen for token in tokens(deltas)] == expected(model, token_ids, text)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_token_comes_with_the_text_that_completes_it(answer: str, model: ServedModel) -> None:
    token_ids = ids(model, answer)
    for seed in range(20):
        rng = random.Random(seed)
        cuts = sorted(rng.sample(range(1, len(token_ids)), rng.randrange(12)))
        released, told = b"", b""
        for delta in read(choice(model, "zz", "S"), token_ids, plain(token_ids), cuts):
            released += delta.text.encode()
            told += b"".join(token.chosen.text for token in delta.logprobs or ())
            assert len(told) <= len(released)
            assert told in released


def test_text_from_a_stop_string_on_has_no_logprobs(model: ServedModel) -> None:
    token_ids = ids(model, "one two STOP three")
    for stop, text in (("STOP", "one two "), ("o S", "one tw"), ("n", "o")):
        deltas = read(choice(model, stop), token_ids, plain(token_ids), [])
        assert "".join(delta.text for delta in deltas) == text
        assert [t.chosen for t in tokens(deltas)] == expected(model, token_ids, text)


def test_text_held_back_for_a_stop_string_keeps_its_logprobs(model: ServedModel) -> None:
    token_ids = ids(model, "7 apples.")
    deltas = read(choice(model, "apples.!"), token_ids, plain(token_ids), [])
    assert [delta.text for delta in deltas][-1] == "apples."
    assert [t.chosen for t in tokens(deltas)] == expected(model, token_ids, "7 apples.")


def test_alternatives_are_what_could_stand_in_an_answer(model: ServedModel) -> None:
    token_ids = ids(model, "7 apples")
    vocabulary = model.vocabulary.token_bytes
    everything = [
        (
            TokenLogprob(own, -0.5, 1),
            *(TokenLogprob(i, -1.0 - i, 2) for i in range(len(vocabulary))),
        )
        for own in token_ids
    ]
    told = tokens(read(choice(model, num_top=len(vocabulary)), token_ids, everything, []))
    assert told
    for token in told:
        texts = {chance.text for chance in token.top}
        assert token.chosen in token.top
        assert b"b" in texts
        assert b" apples" in texts or b" a" in texts
        assert not any(b"<" in text for text in texts)
        assert b"" not in texts
        assert [chance.logprob for chance in token.top] == sorted(
            (chance.logprob for chance in token.top), reverse=True
        )


def test_a_mark_that_may_begin_a_tag_is_told_only_where_it_was_written(model: ServedModel) -> None:
    token_ids = ids(model, "a < b")
    mark = model.vocabulary.token_bytes.index(b"<")
    entries = [(entry, TokenLogprob(mark, -0.1, 1)) for (entry,) in plain(token_ids)]
    told = tokens(read(choice(model, num_top=2), token_ids, entries, []))
    assert any(b"<" in token.chosen.text for token in told)
    for token in told:
        assert all(b"<" not in chance.text or chance == token.chosen for chance in token.top)


def test_alternatives_are_at_most_those_asked_for_the_best_first(model: ServedModel) -> None:
    token_ids = ids(model, "7")
    letters = [i for i, text in enumerate(model.vocabulary.token_bytes) if text and text.isalpha()]
    entries = [
        (
            TokenLogprob(own, -9.0, 30),
            *(TokenLogprob(i, -float(n), n) for n, i in enumerate(letters[:20], 1)),
        )
        for own in token_ids
    ]
    (token,) = tokens(read(choice(model, num_top=3), token_ids, entries, []))
    assert token.chosen == TokenChance(b"7", -9.0)
    assert [chance.logprob for chance in token.top] == [-1.0, -2.0, -3.0]


@pytest.mark.parametrize("value", [-math.inf, math.nan, -1e30])
def test_numbers_that_json_does_not_have_are_written_as_others_do(
    value: float, model: ServedModel
) -> None:
    token_ids = ids(model, "7")
    entries = [(TokenLogprob(token, value, 1),) for token in token_ids]
    (token,) = tokens(read(choice(model), token_ids, entries, []))
    assert json.loads(json.dumps(as_json([token]), allow_nan=False))[0]["logprob"] == LEAST


def test_tokens_are_written_as_openai_writes_them() -> None:
    half = TokenChance("🙂".encode()[:2], -1.5)
    assert token_text("é".encode()) == "é"
    assert as_json([AnswerToken(0, half, (TokenChance(b"a", -0.25), half))]) == [
        {
            "token": "bytes:\\xf0\\x9f",
            "logprob": -1.5,
            "bytes": [240, 159],
            "top_logprobs": [
                {"token": "a", "logprob": -0.25, "bytes": [97]},
                {"token": "bytes:\\xf0\\x9f", "logprob": -1.5, "bytes": [240, 159]},
            ],
        }
    ]


def test_without_being_asked_nothing_is_told(model: ServedModel) -> None:
    token_ids = ids(model, "7")
    budget = Budget(max_tokens=400, max_thinking_tokens=300)
    it = Choice(model, Plan((1,), budget, (Sampling(400, 1.0),), (), False), 0)
    assert [d.logprobs for d in read(it, token_ids, plain(token_ids), [])] == [None]
