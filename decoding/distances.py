"""The distances: how many tokens each state is from the end, at the least."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FAR = 1 << 20
TOKEN = 1 << 21  # one token in a sum that counts the thinking tokens below it

Distances = npt.NDArray[np.int32]
Edges = npt.NDArray[np.int64]


def distances(
    next_state: npt.NDArray[np.int16],
    opens: npt.NDArray[np.int8],
    closes: npt.NDArray[np.int8],
    thinks: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
    done: int,
    max_need: int,
) -> tuple[Distances, Distances]:
    """Return (finish, close), both (max_need + 1, states) int32, FAR where there is no way.

    finish counts tokens to `done` on the shortest way, close the *thinking* tokens on that way, on
    the shortest with the fewest: so both can be kept at once, in any vocabulary. close is 0 only
    once the output has opened, not between two blocks: there a half-written tag of one more block
    still costs its thinking. The ways open the reflections that are still required and no others:
    none need be left. Arguments are tables of an Automaton.
    """
    heads = np.flatnonzero(inside)
    answer = np.flatnonzero(~inside)
    best = np.full((max_need + 1, len(thinks)), FAR * TOKEN, np.int64)
    best[:, answer] = _to_done(next_state[answer], answer, done, len(thinks))[answer] * TOKEN
    _relax(_edges(heads, next_state, opens, closes), TOKEN + thinks.astype(np.int64), best)
    best = np.minimum(best, FAR * TOKEN)
    finish, close = best // TOKEN, np.where(best < FAR * TOKEN, best % TOKEN, FAR)
    return finish.astype(np.int32), close.astype(np.int32)


def _to_done(
    next_state: npt.NDArray[np.int16], sources: Edges, done: int, num_states: int
) -> npt.NDArray[np.int64]:
    """Return the least tokens to `done` from each of the sources."""
    ordered = np.sort(next_state, axis=1)
    is_edge = ordered >= 0
    is_edge[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    row, column = np.nonzero(is_edge)
    return steps_to(done, sources[row], ordered[row, column].astype(np.int64), num_states)


def steps_to(goal: int, sources: Edges, targets: Edges, num_states: int) -> npt.NDArray[np.int64]:
    """Return (states,) int64, the least number of edges to the goal, FAR where there is no way.

    sources, targets: (edges,); searched backwards, breadth first.
    """
    order = np.argsort(targets, kind="stable")
    origins = sources[order]
    start = np.searchsorted(targets[order], np.arange(num_states + 1))
    best = np.full(num_states, FAR, np.int64)
    best[goal] = 0
    frontier, steps = np.array([goal]), 0
    while len(frontier):
        steps += 1
        counts = start[frontier + 1] - start[frontier]
        at = np.repeat(start[frontier] - np.append(0, np.cumsum(counts)[:-1]), counts)
        found = np.unique(origins[at + np.arange(len(at))])
        frontier = found[best[found] == FAR]
        best[frontier] = steps
    return best


def _edges(
    heads: Edges,
    next_state: npt.NDArray[np.int16],
    opens: npt.NDArray[np.int8],
    closes: npt.NDArray[np.int8],
) -> Edges:
    """Return (4, edges): source, target, opens, closes; distinct and sorted by source."""
    at, token_class = np.nonzero(next_state[heads] >= 0)
    source = heads[at]
    target = next_state[source, token_class].astype(np.int64)
    opened = opens[source, token_class].astype(np.int64)
    closed = closes[source, token_class].astype(np.int64)
    return np.unique(np.stack([source, target, opened, closed]), axis=1)


def _relax(edges: Edges, costs: npt.NDArray[np.int64], best: npt.NDArray[np.int64]) -> None:
    """Shortest ways over (need, state) to what `best` knows, to a fixed point (Bellman-Ford)."""
    source, target, opens, closes = edges
    first = np.flatnonzero(np.diff(source, prepend=-1))
    for need in range(len(best)):  # an edge leads to the same need or to a smaller one
        need_after = np.maximum(need - opens, 0)
        usable = (opens <= need) & ((closes == 0) | (need == 0))
        while True:
            through = np.where(usable, best[need_after, target] + costs[source], FAR * TOKEN)
            shorter = np.minimum(best[need, source[first]], np.minimum.reduceat(through, first))
            if np.array_equal(shorter, best[need, source[first]]):
                break
            best[need, source[first]] = shorter
