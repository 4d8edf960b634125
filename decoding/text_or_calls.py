"""The answer that is text or tool calls, as the model likes: decided by how it begins.

Law: an answer that begins with the head of a call is calls from its first byte to its last; any
other answer is a text of the language of texts. So what begins like a call is completed as one,
and what is delivered as text never began like one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from decoding.format import ReplyFormat, Section
from decoding.grammars.dfa import Dfa

LESS_THAN = 0x3C
# All byte strings: the free answer's own automaton sees to what it may not hold.
ANYTHING = Dfa(
    next=np.repeat(np.array([[0], [1]], np.int32), 256, axis=1),
    accepting=np.array([True, False]),
    free=0,
)

Undecided: TypeAlias = tuple[int, int, int]
"""States of heads, text and calls after a beginning that a head may still begin with."""


def text_or_calls(text: Dfa, calls: Dfa, heads: Dfa) -> Dfa:
    """Return the DFA of the texts that begin with no head, and of the calls.

    heads: no head begins another, and each call begins with one. What is undecided stands first,
    then the states of the text, then those of the calls.
    """
    undecided = _explore(text, calls, heads)
    of_text = len(undecided)
    of_calls = of_text + text.num_states
    dead = of_calls + calls.num_states
    table = np.full((dead + 1, 256), dead, np.int32)
    for part, first in ((text, of_text), (calls, of_calls)):
        after = part.next[: part.num_states]
        rows = np.where(after < part.num_states, after + first, dead)
        table[first : first + part.num_states] = rows
    for (head, at_text, at_calls), state in undecided.items():
        if at_text < text.num_states:
            table[state] = table[of_text + at_text]
        for byte, after_head in _alive(heads, head):
            after_calls = int(calls.next[at_calls, byte])
            if heads.accepting[after_head]:
                table[state, byte] = of_calls + after_calls
            else:
                after_text = int(text.next[at_text, byte])
                table[state, byte] = undecided[after_head, after_text, after_calls]
    at_texts = [at_text for _, at_text, _ in undecided]
    parts = text.accepting[at_texts], text.accepting[:-1], calls.accepting[:-1], [False]
    free = None if text.free is None else of_text + text.free
    return Dfa(table, np.concatenate(parts), free)


def _explore(text: Dfa, calls: Dfa, heads: Dfa) -> dict[Undecided, int]:
    """Number what is undecided, the start first."""
    found = {(0, 0, 0): 0}
    waiting = [*found]
    while waiting:
        head, at_text, at_calls = waiting.pop()
        for byte, after_head in _alive(heads, head):
            if not heads.accepting[after_head]:
                after = after_head, int(text.next[at_text, byte]), int(calls.next[at_calls, byte])
                if after not in found:
                    found[after] = len(found)
                    waiting.append(after)
    return found


def _alive(dfa: Dfa, state: int) -> Iterator[tuple[int, int]]:
    """Yield the bytes that a text of the language may go on with, and where each leads."""
    row = dfa.next[state]
    for byte in np.flatnonzero(row < dfa.num_states):
        yield int(byte), int(row[byte])


def with_guard(language: Dfa, format: ReplyFormat) -> Dfa:
    """Keep the tags that the format guards out of the free text of a language.

    Its free state becomes several, one for each beginning of a tag. The closing tag of the output
    is not among them: no answer of any language goes on after it.
    """
    if language.free is None or format.text_guard == "closing":
        return language
    closing = format.close(Section.OUTPUT)
    tags = {tag.encode() for tag in format.tags if tag != closing}
    nodes = [b"", *sorted({tag[:end] for tag in tags for end in range(1, len(tag))})]
    free, count = language.free, language.num_states
    number = {node: count + at - 1 if at else free for at, node in enumerate(nodes)}
    dead = count + len(nodes) - 1
    row = np.full(256, free, np.int32)
    row[LESS_THAN] = number[b"<"]
    table = np.full((dead + 1, 256), dead, np.int32)
    table[:count] = np.where(language.next[:count] == count, dead, language.next[:count])
    table[:count] = np.where(table[:count] == free, row, table[:count])
    for node in nodes:
        table[number[node]] = row
        for byte in range(256):
            word = node + bytes([byte])
            if word in number:
                table[number[node], byte] = number[word]
            elif word in tags:
                table[number[node], byte] = dead
    accepting = np.concatenate([language.accepting[:-1], np.ones(len(nodes) - 1, bool), [False]])
    return Dfa(table, accepting, free)
