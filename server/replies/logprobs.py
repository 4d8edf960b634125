"""AnswerLogprobs: how likely the tokens of an answer were, for those tokens alone.

The numbers are the model's own: the logarithm of its probability before the reply format, biases,
penalties and temperature change it. They are of whole tokens, so one that carries more than text
of the answer - a part of a tag, a newline beside one, text from a stop string on - has none. The
alternatives to a token are those that could have stood in the answer: none that the format forbids,
that is or begins a tag, or that ends the reply.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from decoding.matcher import Matcher
from decoding.parser import ReplyParser
from decoding.vocabulary import Vocabulary
from server.engines.engine import TokenLogprob

LEAST = -9999.0  # in place of minus infinity, which JSON does not have


@dataclass(frozen=True, slots=True)
class TokenChance:
    """What a token adds to the text, and the logarithm of its probability; always finite."""

    text: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class AnswerToken:
    """A token of the answer, and the most likely ones at its place, the best first.

    offset: where it begins in the answer, in bytes of UTF-8
    """

    offset: int
    chosen: TokenChance
    top: tuple[TokenChance, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """A token that was written, between two places in the bytes of the reply."""

    start: int
    end: int
    chosen: TokenChance
    top: tuple[TokenChance, ...]


class AnswerLogprobs:
    """Holds the logprobs of tokens until their text is released; one per choice.

    `consider` is called before a token is fed to the matcher and to the parser, one by one.
    """

    def __init__(self, vocabulary: Vocabulary, parser: ReplyParser, num_top: int) -> None:
        """Follow a parser that has read nothing of the reply yet."""
        self._token_bytes = vocabulary.token_bytes
        self._parser = parser
        self._num_top = num_top
        self._held: deque[_Held] = deque()
        self._num_released = 0

    def consider(self, entries: Sequence[TokenLogprob], matcher: Matcher) -> None:
        """Take the token that comes next, first of its entries, if it can be the answer's."""
        if not (entries and matcher.is_answering):
            return
        text = self._token_bytes[entries[0].token_id]
        if text:
            start = self._parser.num_bytes
            chosen, top = _chance(text, entries[0]), self._best(entries, matcher)
            self._held.append(_Held(start, start + len(text), chosen, top))

    def release(self, text: str) -> tuple[AnswerToken, ...]:
        """Return the tokens that are complete with this text, the next of the answer."""
        self._num_released += len(text.encode(errors="surrogatepass"))
        start = self._parser.answer_start
        end = start + self._num_released
        tokens = []
        while self._held and self._held[0].end <= end:
            held = self._held.popleft()
            if held.start >= start:
                tokens.append(AnswerToken(held.start - start, held.chosen, held.top))
        return tuple(tokens)

    def _best(self, entries: Sequence[TokenLogprob], matcher: Matcher) -> tuple[TokenChance, ...]:
        chosen = entries[0].token_id
        chances: dict[int, TokenChance] = {}
        for entry in entries:
            text = self._token_bytes[entry.token_id]
            is_possible = text and matcher.allows(entry.token_id) and self._parser.is_text(text)
            if text and (is_possible or entry.token_id == chosen):
                chances.setdefault(entry.token_id, _chance(text, entry))
        best = sorted(chances.values(), key=lambda chance: -chance.logprob)
        return tuple(best[: self._num_top])


def _chance(text: bytes, entry: TokenLogprob) -> TokenChance:
    logprob = entry.logprob
    return TokenChance(text, LEAST if math.isnan(logprob) else min(max(logprob, LEAST), 0.0))


def as_json(tokens: Sequence[AnswerToken]) -> list[dict[str, Any]]:
    """Write tokens as OpenAI's chat completions and Responses do."""
    return [
        _entry(token.chosen) | {"top_logprobs": [_entry(chance) for chance in token.top]}
        for token in tokens
    ]


def _entry(chance: TokenChance) -> dict[str, Any]:
    text = token_text(chance.text)
    return {"token": text, "logprob": chance.logprob, "bytes": list(chance.text)}


def token_text(data: bytes) -> str:
    r"""Return the text of a token; a part of a character as OpenAI writes it, as bytes:\xf0."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
