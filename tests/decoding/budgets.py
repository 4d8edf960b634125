"""Random budgets from the least that is accepted up."""

from __future__ import annotations

import random

from decoding.automaton import Automaton
from decoding.budget import Budget


def random_budget(rng: random.Random, automaton: Automaton, most: int = 200) -> Budget:
    """Draw a budget that is often tight; in the answer at most `most` tokens more than needed."""
    need = rng.choice([0, 0, 1, 2, 5])
    answer = rng.choice([1, 1, 2, 9])
    spare = rng.choice([0, 1, 2, 5, most // 6, most])
    least = rng.choice([0, 0, 1, 9, 1000])
    max_tokens = automaton.least_tokens(need) + answer - 1 + spare
    return Budget(
        max_tokens=max_tokens,
        max_thinking_tokens=automaton.least_thinking_tokens(need) + rng.choice([0, 1, 3, 50]),
        min_reflections=need,
        max_reflections=need + rng.choice([0, 1, 4]),
        min_answer_tokens=answer,
        min_tokens=0 if automaton.is_constrained else min(least, max_tokens),
        soft_tokens=rng.choice([0, 0, 2, 20]),
    )
