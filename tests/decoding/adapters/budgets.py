"""Random budgets from the least that is accepted up."""

from __future__ import annotations

import random

from decoding.automaton import Automaton
from decoding.budget import Budget


def random_budget(rng: random.Random, automaton: Automaton, most: int = 24) -> Budget:
    """Draw a budget of 0 to `most` tokens more than the least."""
    need = rng.choice([0, 0, 1, 2])
    answer = rng.choice([1, 1, 3])
    return Budget(
        max_tokens=automaton.least_tokens(need) + answer - 1 + rng.randrange(most),
        max_thinking_tokens=automaton.least_thinking_tokens(need) + rng.randrange(most),
        min_reflections=need,
        max_reflections=need + rng.choice([0, 1, 4]),
        min_answer_tokens=answer,
    )
