"""The JSON schema as a grammar of JSON text: what is written is permitted, never more than that.

A part of what a schema permits is enough: keys come in the schema's order, properties that it does
not name are written only where it names none, a key of a free object may come twice (readers
take the last), numbers stay within 18 digits, and recursion ends at a depth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from decoding.grammars.dfa import MAX_STATES, Dfa
from decoding.grammars.dfa import compile as compile_grammar
from decoding.grammars.grammar import GrammarError, Node
from decoding.grammars.nfa import ACCEPT, Nfa, Work
from decoding.schemas.json_document import Document, Sites, shortened, site
from decoding.schemas.json_text import is_nothing
from decoding.schemas.json_writer import Extent, TooDeep, Writer

MAX_DEPTH = 12
ROOM_FOR_DEPTH = 6_000
"""States up to which recursion is unrolled beyond the least depth that says anything."""
LONGEST = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
MOST_MERGED = 8
"""How many times `max_states` an NFA may have: those of a long list merge in its DFA."""
WORK_OF_A_STATE = 20
OBJECT = {"type": "object"}

Frame: TypeAlias = Callable[[Sequence[Node]], Node]
"""Puts the grammars of several documents into one."""


def schema_node(schema: Mapping[str, Any] | bool, *, depth: int) -> Node:
    """Return the grammar of a schema, its recursion unrolled to `depth`.

    Raises:
        GrammarError: names the JSON pointer of what cannot be enforced.
    """
    return Plan(schema).node(Extent(depth, LONGEST[-1]))


def compile_schema(schema: Mapping[str, Any] | bool, max_states: int = MAX_STATES) -> Dfa:
    """Return the DFA of the documents that a schema permits, as deep as it fits."""
    return fit([Plan(schema)], lambda nodes: nodes[0], max_states)


def compile_object(max_states: int = MAX_STATES) -> Dfa:
    """Return the DFA of all JSON objects, nested as deep as it fits."""
    return compile_schema({"type": "object"}, max_states)


class Plan:
    """One document that is checked, and that can be written at any extent.

    is_cut, longest_count: as its last writer found them
    """

    def __init__(self, schema: Mapping[str, Any] | bool, tool: str | None = None) -> None:
        """Check every schema that can be reached; the parameters of a tool must be an object."""
        self.is_cut = False
        self.longest_count = 0
        self._tool = tool
        self._loops: frozenset[Sites] | None = None
        try:
            self._document = Document(schema)
            root = self._document.root
            self._sites = (root,) if tool is None else (root, site("parameters", OBJECT))
            writer = Writer(self._document, Extent(0, LONGEST[-1]), None)
            writer.node(self._sites, 0)
        except GrammarError as error:
            raise self._located(error) from error
        self._loops = frozenset(writer.found_loops)

    def node(self, extent: Extent) -> Node:
        try:
            writer = Writer(self._document, extent, self._loops)
            node = writer.node(self._sites, extent.depth)
        except GrammarError as error:
            raise self._located(error) from error
        self.is_cut = writer.is_cut
        self.longest_count = writer.longest_count
        return node

    def empty(self) -> GrammarError:
        """Return what to say when nothing can be written at any depth."""
        why = "describes only infinite documents: give its recursion an end"
        none = (
            "permits no document that can be written: its demands exclude one another, or leave "
            "only numbers of more digits than are written here"
        )
        return self._located(GrammarError(f"#: the schema {why if self._loops else none}"))

    def _located(self, error: GrammarError) -> GrammarError:
        """Return the error, with its kind, as a short one of this tool."""
        tool = "" if self._tool is None else f"tool {self._tool!a:.80}: "
        return type(error)(tool + shortened(str(error)))


def fit(plans: Sequence[Plan], frame: Frame, max_states: int) -> Dfa:
    """Return the DFA of the plans in the frame, its counts cut until it fits, then made deeper."""
    depth = _least_depth(plans)
    extent = _longest_extent(plans, frame, depth, max_states)
    node = frame([plan.node(extent) for plan in plans])
    if not _fits(node, MOST_MERGED * max_states):
        raise GrammarError(
            f"#: expected a schema of at most {max_states:,} states, this one has more than "
            f"{MOST_MERGED} times as many: lower its least counts, or split it"
        )
    deepest = _deepest(plans, frame, extent, min(max_states, ROOM_FOR_DEPTH))
    if deepest is not None:
        try:
            return compile_grammar(deepest, max_states)
        except GrammarError:
            pass  # ambiguous, so larger than its NFA: the least extent may be smaller
    return compile_grammar(node, max_states)


def _least_depth(plans: Sequence[Plan]) -> int:
    """Return the depth from which on every document says something."""
    least = 1
    for plan in plans:
        while is_nothing(plan.node(Extent(least, LONGEST[-1]))):
            if not plan.is_cut or least == MAX_DEPTH:
                raise plan.empty()
            least += 1
    return least


def _longest_extent(plans: Sequence[Plan], frame: Frame, depth: int, room: int) -> Extent:
    """Return the extent that cuts counts as little as fits the room, or else to the least."""

    def is_too_long(longest: int) -> bool:
        node = frame([plan.node(Extent(depth, longest)) for plan in plans])
        return not _fits(node, room)

    longest_count = max(plan.longest_count for plan in plans)
    lower = [longest for longest in LONGEST if longest < longest_count]
    if not lower or not is_too_long(LONGEST[-1]):
        return Extent(depth, LONGEST[-1])
    return Extent(depth, lower[max(0, bisect_left(lower, True, key=is_too_long) - 1)])


def _deepest(plans: Sequence[Plan], frame: Frame, extent: Extent, room: int) -> Node | None:
    """Return the grammar of the largest depth within the room, if there is one."""
    node = None
    for depth in range(extent.depth + 1, MAX_DEPTH + 1):
        if not any(plan.is_cut for plan in plans):
            break
        try:
            deeper = frame([plan.node(replace(extent, depth=depth)) for plan in plans])
        except TooDeep:
            break
        if not _fits(deeper, room):
            break
        node = deeper
    return node


def _fits(node: Node, room: int) -> bool:
    """Whether the grammar has an NFA within the room; its DFA is of about that size, or less."""
    nfa = Nfa(Work(WORK_OF_A_STATE * room))
    try:
        nfa.add(node, ACCEPT)
    except GrammarError:
        return False
    return sum(map(bool, nfa.edges)) <= room
