"""Automata of one vocabulary: the one without a constraint, and two with constraints."""

from __future__ import annotations

from decoding.automaton import Automaton
from decoding.grammars import dfa
from decoding.grammars.grammar import Chars, Either, Join, Repeat, Text
from decoding.vocabulary import Vocabulary

DIGITS = Repeat(Chars(((0x30, 0x39),)), 1)
LIST = Join((Text(b"["), DIGITS, Repeat(Join((Text(b", "), DIGITS))), Text(b"]")))
CHOICE = Either((Text(b"yes"), Text(b"no"), Text("naïve </b>".encode())))


def automata_of(plain: Automaton, vocabulary: Vocabulary) -> list[Automaton]:
    """Return the plain automaton, and those of a list of numbers and of a choice."""
    answers = [dfa.compile(node) for node in (LIST, CHOICE)]
    stop = plain.stop_token_ids
    return [
        plain,
        *(Automaton.build(plain.format, vocabulary, stop, answer=answer) for answer in answers),
    ]
