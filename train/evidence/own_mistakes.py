"""OwnMistakes: the wrong attempts that a model itself makes, as lessons for it.

After intrinsic self-correction (https://arxiv.org/abs/2401.07301): the student answers questions
whose answers are known, and what it gets wrong stands before the reflection and the right attempt.
Its control teaches the same puzzles as often, with mistakes drawn at random.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from files.whole import write_whole
from problems import countdown
from problems.countdown import Attempt, Puzzle, attempts
from problems.split import Split
from train.segments import Example
from train.small.countdown import trace
from train.small.sampling import sample
from train.small.tokenizer import prompt_ids

TEMPERATURE = 1.0  # a student at its most various: at the serving temperature it repeats itself
MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class OwnMistakes:
    """Of the training puzzles 0 to n - 1, the distinct wrong attempts that a model sampled.

    lines: for each puzzle the attempts as written, most frequent first; is_used False: the control
    """

    lines: tuple[tuple[str, ...], ...]
    is_used: bool = True

    def example(self, seed: int, index: int, p_more: float, max_wrong: int) -> Example[Puzzle]:
        """Return example `index`: puzzle index % n, other mistakes each time round."""
        epoch, at = divmod(index, len(self.lines))
        puzzle = _puzzle(seed, at)
        rng = random.Random(f"own mistakes/{seed}/{at}/{epoch}")
        return trace(rng, puzzle, p_more, max_wrong, self._own(puzzle, at, epoch))

    def _own(self, puzzle: Puzzle, at: int, epoch: int) -> list[Attempt]:
        """Return them in another order each time; the lesson's own random numbers stay as they are.

        So the control draws as many mistakes, and the same right attempts.
        """
        if not self.is_used:
            return []
        rng = random.Random(f"order of own mistakes/{at}/{epoch}")
        by_line = {attempt.line.strip(): attempt for attempt in attempts(puzzle.numbers)}
        own = [by_line[line] for line in self.lines[at]]
        return rng.sample(own, len(own))

    @property
    def sha256(self) -> str:
        """The hash of the attempts and whether they are used."""
        return hashlib.sha256(json.dumps([self.lines, self.is_used]).encode()).hexdigest()

    def save(self, file: Path) -> None:
        """Write the attempts as JSON."""
        write_whole(file, json.dumps(self.lines))

    @classmethod
    def load(cls, file: Path, *, is_used: bool = True) -> Self:
        """Read what `save` wrote."""
        return cls(tuple(map(tuple, json.loads(file.read_text()))), is_used)


def collect(model: Any, tokenizer: Any, seed: int, num_puzzles: int, num_tries: int) -> OwnMistakes:
    """Let the model try each training puzzle so many times; keep its honest wrong attempts.

    An attempt whose arithmetic is wrong, or that uses other numbers, teaches no honest result and
    is left out.
    """
    puzzles = [_puzzle(seed, at) for at in range(num_puzzles)]
    prompts = [prompt_ids(tokenizer, puzzle.prompt) for puzzle in puzzles]
    found: list[dict[str, int]] = [{} for _ in puzzles]
    for number in range(num_tries):
        replies = sample(
            model,
            prompts,
            eos=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            max_tokens=MAX_TOKENS,
            temperature=TEMPERATURE,
            seed=seed * 1000 + number,
            batch_size=400,
        )
        for puzzle, reply, counts in zip(puzzles, replies, found, strict=True):
            for line in _wrong_lines(puzzle, tokenizer.decode(reply)):
                counts[line] = counts.get(line, 0) + 1
    return OwnMistakes(tuple(_by_frequency(counts) for counts in found))


def _puzzle(seed: int, index: int) -> Puzzle:
    return countdown.puzzle(countdown.source(Split.TRAIN, seed, index), Split.TRAIN)


def _wrong_lines(puzzle: Puzzle, reply: str) -> list[str]:
    wrong = {a.line.strip() for a in attempts(puzzle.numbers) if a.result != puzzle.target}
    return [line for line in map(str.strip, reply.split("\n")) if line in wrong]


def _by_frequency(counts: dict[str, int]) -> tuple[str, ...]:
    ordered: Sequence[str] = sorted(counts, key=lambda line: (-counts[line], line))
    return tuple(ordered)
