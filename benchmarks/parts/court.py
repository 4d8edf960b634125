"""The court: the automaton, its peers and the judge on one small vocabulary."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.parts.peers import peers
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import ReplyFormat
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.judge import is_well_formed

STOP = 256
PLENTY = Budget(max_tokens=100_000, max_thinking_tokens=100_000, max_reflections=100_000)
PIECES = (
    *("<thinking>", "</thinking>", "<reflection>", "</reflection>", "<output>", "</output>"),
    *("</", "><", ">\n", ">\n\n", '>{"', "</thinking>\n<output>", "thinking", "out", "put>", "  "),
    *(" the", "answer", "😀", "42</output>", "<output> ", "<", "</reflection>\n"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A text that one side refuses, at its last byte or, if `is_end`, at the stop token.

    is_ours: whether it is the peer that refuses; is_masked: whether only its mask does
    """

    peer: str
    text: bytes
    is_end: bool
    is_ours: bool
    is_masked: bool = False

    @property
    def is_ours_right(self) -> bool:
        """Whether the judge sides with the automaton."""
        good = is_well_formed(self.text) if self.is_end else is_viable(self.text)
        return good == self.is_ours


class Court:
    """The automaton and its peers on one small vocabulary."""

    def __init__(self) -> None:
        """Compile everything once."""
        form = ReplyFormat()
        pieces = [piece.encode() for piece in PIECES]
        self.tokens = [*(bytes([byte]) for byte in range(256)), None, *pieces]
        vocabulary = Vocabulary(self.tokens)
        self._automaton = Automaton.build(form, vocabulary, [STOP])
        self._masks = Masks(self._automaton)
        self._num_words = (len(self.tokens) + 31) // 32
        self._peers = {name: make() for name, make in peers(vocabulary, [STOP], form).items()}

    @property
    def names(self) -> list[str]:
        """The peers, each in each of its formulations."""
        return list(self._peers)

    def hear(self, token_ids: Sequence[int], draw: random.Random) -> Iterator[Disagreement]:
        """Feed a text to all, with its end; tell who differs, at the first token at issue.

        Where all agree, compare what may follow a random part of the text.
        """
        ours = self._count(None, token_ids)
        judged = is_well_formed(self._text(token_ids))
        if judged != (ours == len(token_ids)):
            yield Disagreement("judge", self._text(token_ids), is_end=True, is_ours=not judged)
        part = token_ids[: draw.randrange(ours + 1)]
        for name in self._peers:
            theirs = self._count(name, token_ids)
            if ours != theirs:
                at = min(ours, theirs)
                yield self._disagreement(name, token_ids[: at + 1], is_ours=ours > theirs)
            elif STOP not in part:
                yield from self._next_tokens(name, part, draw)

    def _next_tokens(
        self, name: str, part: Sequence[int], draw: random.Random
    ) -> Iterator[Disagreement]:
        """Compare the masks after a part of a text; tell one token of those that differ."""
        matcher, bitmask = (
            self._peers[name].start(),
            torch.zeros((1, self._num_words), dtype=torch.int32),
        )
        for token_id in part:
            matcher.accept(token_id)
        matcher.fill(bitmask, 0)
        theirs = np.unpackbits(bitmask.numpy().view(np.uint8), bitorder="little")
        ours = self._matcher(part).allowed()
        differ = np.flatnonzero(ours != theirs[: len(ours)].astype(bool)).tolist()
        if differ:
            token_id = draw.choice(differ)
            is_ours = bool(ours[token_id])
            found = self._disagreement(name, [*part, token_id], is_ours=is_ours)
            yield replace(found, is_masked=is_ours and matcher.accept(token_id))

    def _disagreement(self, peer: str, token_ids: Sequence[int], *, is_ours: bool) -> Disagreement:
        """Take a text that one side refuses at its last token; cut it after the byte at fault."""
        text = self._text(token_ids)
        is_end = token_ids[-1] == STOP
        if not is_end:
            text = text[: self._count(peer if is_ours else None, text) + 1]
        return Disagreement(peer, text, is_end, is_ours)

    def _matcher(self, token_ids: Sequence[int] = ()) -> Matcher:
        matcher = Matcher(self._automaton, PLENTY, self._masks)
        for token_id in token_ids:
            matcher.accept(token_id)
        return matcher

    def _count(self, peer: str | None, token_ids: Sequence[int]) -> int:
        """Return how many tokens a peer, or the automaton, takes until the first it refuses."""
        matcher = self._matcher() if peer is None else self._peers[peer].start()
        refused = (at for at, token_id in enumerate(token_ids) if not matcher.accept(token_id))
        return next(refused, len(token_ids))

    def _text(self, token_ids: Sequence[int]) -> bytes:
        return b"".join(self.tokens[token_id] or b"" for token_id in token_ids)

    def cut(self, text: bytes, draw: random.Random) -> list[int]:
        """Cut a text into random tokens, the stop token last."""
        pieces = range(STOP + 1, len(self.tokens))
        ids = []
        at = 0
        while at < len(text):
            fits = [i for i in pieces if text.startswith(self.tokens[i] or b"", at)]
            token_id = draw.choice([text[at], *fits])
            ids.append(token_id)
            at += len(self.tokens[token_id] or b"")
        return [*ids, STOP]


def is_viable(text: bytes) -> bool:
    """Whether the judge finds some end for the text: a character, then a tag, then sections."""
    tags = [piece.encode() for piece in PIECES[:6]]
    rests = {tag[cut:] for tag in tags for cut in range(len(tag) + 1)}
    ends = [
        b"x</output>",
        b"",
        b"<output>x</output>",
        b"</thinking><output>x</output>",
        b"</reflection></thinking><output>x</output>",
    ]
    characters = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")
    return any(
        is_well_formed(text + character + rest + end)
        for character in characters
        for rest in rests
        for end in ends
    )
