"""The DFA of a grammar: a constraint on the answer as a table over bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.grammars.grammar import GrammarError, Node
from decoding.grammars.minimal import DEAD_BLOCK, Partition
from decoding.grammars.nfa import ACCEPT, Nfa, Work
from decoding.grammars.subsets import Subsets

MAX_STATES = 20_000
MAX_WORK = 8_000_000
"""Elementary steps of one compilation: about two seconds and 200 MB at most."""
UNMINIMISED = 3
"""How many times `max_states` a DFA may have before it is minimised."""


@dataclass(frozen=True, slots=True, eq=False)
class Dfa:
    """A minimal DFA without states that no text reaches or that reach no end; start is state 0.

    next: (states + 1, 256) int32, the last state is the dead one and leads to itself
    accepting: (states + 1,) bool
    free: the state of texts of which nothing is demanded but what the reply format does
    """

    next: npt.NDArray[np.int32]
    accepting: npt.NDArray[np.bool_]
    free: int | None = None

    @property
    def num_states(self) -> int:
        return len(self.next) - 1

    def walk(self, text: bytes, state: int = 0) -> int:
        """Return the state after `text`; `num_states` is the dead one."""
        for byte in text:
            state = int(self.next[state, byte])
        return state

    def accepts(self, text: bytes) -> bool:
        return bool(self.accepting[self.walk(text)])


def compile(node: Node, max_states: int = MAX_STATES) -> Dfa:  # noqa: A001  (as in re)
    """Return the minimal DFA of a grammar, in bounded time and memory whatever the tree.

    Raises:
        GrammarError: the grammar is too large, or matches nothing.
    """
    work = Work(MAX_WORK)
    nfa = Nfa(work)
    start = nfa.add(node, ACCEPT)
    arcs = Subsets(nfa, work, UNMINIMISED * max_states).arcs(start)
    del nfa
    partition = Partition(arcs, work)
    if partition.blocks[0] == DEAD_BLOCK:
        raise GrammarError("expected a constraint that some text meets, this one matches nothing")
    return _dfa(partition, arcs.accepting, max_states)


def _dfa(partition: Partition, accepting: npt.NDArray[np.bool_], max_states: int) -> Dfa:
    """Number the blocks in the order in which they are reached, the dead one last."""
    blocks, first = np.unique(partition.blocks, return_index=True)
    states = np.sort(first[blocks != DEAD_BLOCK])
    count = len(states)
    if count > max_states:
        raise GrammarError(
            f"expected a constraint of at most {max_states:,} states, this one has {count:,}: "
            "simplify it, lower its counts or split it"
        )
    numbers = np.full(int(blocks[-1]) + 1, count, np.int32)
    numbers[partition.blocks[states]] = np.arange(count)
    table = np.full((count + 1, 256), count, np.int32)
    table[:count] = numbers[partition.blocks[partition.table[:, states]]].T[:, partition.columns]
    table.setflags(write=False)
    is_end = np.append(accepting[states], False)
    is_end.setflags(write=False)
    return Dfa(table, is_end)
