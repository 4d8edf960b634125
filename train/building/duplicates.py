"""Near duplicates among instruction data, by MinHash over runs of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from train.building.conversation import Conversation, Drop, Reason
from train.building.words import runs, words_of

NUM_PERMUTATIONS = 128
RUN = 3  # words


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

    # what the index finds is compared again: it may find too much, never too little
    index = MinHashLSH(threshold=threshold, num_perm=NUM_PERMUTATIONS, weights=(0.05, 0.95))
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


def _sketch(conversation: Conversation) -> Any:
    from datasketch import MinHash

    words = words_of(f"{conversation.question}\n{conversation.reply}")
    sketch = MinHash(num_perm=NUM_PERMUTATIONS, seed=1)
    sketch.update_batch([run.encode() for run in runs(words, min(RUN, len(words)))])
    return sketch
