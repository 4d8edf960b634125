"""Near duplicates among instruction data, by MinHash over runs of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from train.building.conversation import Conversation, Drop, Reason
from train.building.words import runs, words_of

NUM_PERMUTATIONS = 128
RUN = 3  # words
MOST_MISSED = 0.001  # of the pairs whose likeness is the threshold


def drop_near_duplicates(
    conversations: Iterable[Conversation], threshold: float, drops: list[Drop]
) -> Iterator[Conversation]:
    """Yield those without a kept one before whose likeness is at least `threshold`.

    The likeness is the estimated Jaccard index of the runs of three words of question and reply.
    Generated conversations pass: theirs are alike on purpose. A threshold of 0 lets all pass.
    """
    if not threshold:
        yield from conversations
        return
    from datasketch import MinHashLSH

    # what the index finds is compared again: it may find too much
    index = MinHashLSH(num_perm=NUM_PERMUTATIONS, params=bands(threshold))
    kept: dict[str, np.ndarray] = {}
    for conversation in conversations:
        if conversation.is_generated:
            yield conversation
            continue
        sketch = _sketch(conversation)
        alike = (
            id for id in index.query(sketch) if np.mean(kept[id] == sketch.hashvalues) >= threshold
        )
        if (first := min(alike, default=None)) is not None:
            drops.append(Drop.of(conversation, Reason.NEAR_DUPLICATE, first))
            continue
        index.insert(conversation.id, sketch, check_duplication=False)
        kept[conversation.id] = sketch.hashvalues
        yield conversation


def bands(threshold: float) -> tuple[int, int]:
    """Return how many bands of how many hashes find the alike: the largest that miss so few."""
    for size in range(NUM_PERMUTATIONS // 2, 1, -1):
        num_bands = NUM_PERMUTATIONS // size
        if (1 - threshold**size) ** num_bands <= MOST_MISSED:
            return num_bands, size
    return NUM_PERMUTATIONS, 1


def _sketch(conversation: Conversation) -> Any:
    from datasketch import MinHash

    words = words_of(f"{conversation.question}\n{conversation.reply}")
    sketch = MinHash(num_perm=NUM_PERMUTATIONS, seed=1)
    sketch.update_batch([run.encode() for run in runs(words, min(RUN, len(words)))])
    return sketch
