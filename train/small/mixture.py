"""Mixture: which example of which family stands at an index of the training stream."""

from __future__ import annotations

import random
from dataclasses import dataclass

from problems.problem import Problem
from train.segments import Example
from train.small import countdown, word_problems


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares and mistake rates of the two families; `phase` runs from 0 (start) to 1 (end).

    Law: `example` is a pure function of its arguments and the fields.  With `has_reflections`
    False the same problems come without any mistake: the thinking-only baseline.
    """

    has_reflections: bool = True
    words_share: float = 0.2
    words_mistakes: float = 0.2
    words_mistakes_from: float = 0.6
    countdown_more: float = 0.65
    countdown_max_wrong: int = 8

    def example(self, seed: int, index: int, phase: float) -> Example[Problem]:
        """Return the example at `index`, as it is taught in this phase of the training."""
        if random.Random(f"mixture/{seed}/{index}").random() < self.words_share:
            is_late = phase >= self.words_mistakes_from
            p_mistake = self.words_mistakes if is_late and self.has_reflections else 0.0
            return word_problems.example(seed, index, p_mistake=p_mistake)
        p_more = self.countdown_more if self.has_reflections else 0.0
        return countdown.example(seed, index, p_more=p_more, max_wrong=self.countdown_max_wrong)
