"""The distances: how many tokens each state is from the end, at the least."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FAR = 1 << 20

Distances = npt.NDArray[np.int32]


def distances(
    next_state: npt.NDArray[np.int16],
    opens: npt.NDArray[np.int32],
    closes: npt.NDArray[np.int32],
    thinks: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
    done: int,
    max_need: int,
) -> tuple[Distances, Distances]:
    """Return (finish, close), both (max_need + 1, states) int32, FAR where there is no way.

    finish counts tokens to `done`; close counts the *thinking* tokens until the output opens. It
    is 0 only once the output has opened, not between two blocks: there a half-written tag of one
    more block still costs its thinking. Arguments are tables of an Automaton.
    """
    source, token_class = np.nonzero(next_state >= 0)
    edges = np.unique(
        np.stack(
            [
                source,
                next_state[source, token_class].astype(np.int64),
                opens[source, token_class],
                closes[source, token_class],
            ]
        ),
        axis=1,
    )
    at_end = np.arange(len(thinks)) == done
    costs = np.ones(len(thinks), np.int64)
    return (
        _relax(edges, costs, at_end, max_need),
        _relax(edges, thinks.astype(np.int64), ~inside, max_need),
    )


def _relax(
    edges: npt.NDArray[np.int64],
    costs: npt.NDArray[np.int64],
    targets: npt.NDArray[np.bool_],
    max_need: int,
) -> Distances:
    """Shortest ways over (need, state) to the targets, to a fixed point (Bellman-Ford)."""
    source, target, opens, closes = edges  # sorted by source: np.unique sorts columns
    first = np.flatnonzero(np.diff(source, prepend=-1))
    best = np.full((max_need + 1, len(targets)), FAR, np.int64)
    best[:, targets] = 0
    for need in range(max_need + 1):  # an edge leads to the same need or to a smaller one
        need_after = np.maximum(need - opens, 0)
        usable = (closes == 0) | (need == 0)
        while True:
            through = np.where(usable, best[need_after, target] + costs[source], FAR)
            shorter = np.minimum(best[need, source[first]], np.minimum.reduceat(through, first))
            if np.array_equal(shorter, best[need, source[first]]):
                break
            best[need, source[first]] = shorter
    return np.minimum(best, FAR).astype(np.int32)
