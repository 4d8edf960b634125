"""OwnMistakes: the wrong attempts that a model itself makes, as lessons for it.

After intrinsic self-correction (https://arxiv.org/abs/2401.07301): the student answers questions
whose answers are known, and what it gets wrong stands before the reflection and the right attempt.
Its control teaches the same puzzles as often, with mistakes drawn at random.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from files.whole import write_whole
from problems.countdown import Attempt, Puzzle, attempts
from train.evidence.decisions import read_decisions
from train.evidence.puzzles import Part, may_be_taught, puzzle, source
from train.segments import Example
from train.small.countdown import trace
from train.small.sampling import sample
from train.small.tokenizer import prompt_ids

TEMPERATURE = 1.0  # a student at its most various: at the serving temperature it repeats itself
MAX_TOKENS = 64


@dataclass(slots=True)
class Counts:
    """What the lines were that a model wrote as attempts, the same one as often as it came.

    right; honest: wrong, and told so; dishonest: wrong with another result than its own, mostly the
    target; unreadable: other numbers, no steps. Of dishonest ones the decisions are taught with
    their honest results.
    """

    right: int = 0
    honest: int = 0
    dishonest: int = 0
    unreadable: int = 0
    puzzles: int = 0
    puzzles_with_mistakes: int = 0


@dataclass(frozen=True, slots=True)
class OwnMistakes:
    """Of the training puzzles 0 to n - 1, the distinct wrong attempts that a model sampled.

    lines: for each puzzle the attempts with honest results, most frequent first; is_used False:
    the control; counts: of what they were found in
    """

    lines: tuple[tuple[str, ...], ...]
    is_used: bool = True
    counts: Counts = field(default_factory=Counts, compare=False)

    def example(self, seed: int, index: int, p_more: float, max_wrong: int) -> Example[Puzzle]:
        """Return example `index`: puzzle index % n, other mistakes each time round."""
        epoch, at = divmod(index, len(self.lines))
        asked = _puzzle(seed, at)
        rng = random.Random(f"own mistakes/{seed}/{at}/{epoch}")
        own = self._own(asked, at, epoch)
        return trace(rng, asked, p_more, max_wrong, own, may_be_taught)

    def _own(self, asked: Puzzle, at: int, epoch: int) -> list[Attempt]:
        """Return them in another order each time; the lesson's own random numbers stay as they are.

        So the control draws as many mistakes, and the same right attempts.
        """
        if not self.is_used:
            return []
        rng = random.Random(f"order of own mistakes/{at}/{epoch}")
        by_line = {attempt.line.strip(): attempt for attempt in attempts(asked.numbers)}
        own = [by_line[line] for line in self.lines[at]]
        return rng.sample(own, len(own))

    @property
    def sha256(self) -> str:
        """The hash of the attempts and whether they are used."""
        return hashlib.sha256(json.dumps([self.lines, self.is_used]).encode()).hexdigest()

    def save(self, file: Path) -> None:
        """Write the attempts and counts as JSON."""
        write_whole(file, json.dumps({"lines": self.lines, "counts": asdict(self.counts)}))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote."""
        saved = json.loads(file.read_text(encoding="utf-8"))
        return cls(tuple(map(tuple, saved["lines"])), counts=Counts(**saved["counts"]))


def collect(model: Any, tokenizer: Any, seed: int, num_puzzles: int, num_tries: int) -> OwnMistakes:
    """Let the model try each training puzzle so many times; keep what it decides wrongly.

    A thinking-only model gives nearly every wrong attempt the target as its result: what is its own
    is the decision, which is taught with what it really reaches.
    """
    asked = [_puzzle(seed, at) for at in range(num_puzzles)]
    prompts = [prompt_ids(tokenizer, one.prompt) for one in asked]
    found: list[Counter[str]] = [Counter() for _ in asked]
    counts = Counts(puzzles=num_puzzles)
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
        for one, reply, lines in zip(asked, replies, found, strict=True):
            lines.update(mistakes(one, tokenizer.decode(reply), counts))
    counts.puzzles_with_mistakes = sum(map(bool, found))
    return OwnMistakes(tuple(_by_frequency(lines) for lines in found), counts=counts)


def _puzzle(seed: int, index: int) -> Puzzle:
    return puzzle(source(Part.TRAIN, seed, index), Part.TRAIN)


def mistakes(asked: Puzzle, reply: str, counts: Counts) -> list[str]:
    """Return the wrong attempts of a reply as lines with honest results, and count its lines.

    Those that reach what is held out are counted, not returned.
    """
    by_decisions = {read_decisions(one.line.strip()): one for one in attempts(asked.numbers)}
    found = []
    for line in _attempts_of(reply):
        decided = read_decisions(line)
        attempt = by_decisions.get(decided) if decided is not None else None
        if attempt is None:
            counts.unreadable += 1
        elif attempt.result == asked.target:
            counts.right += 1
        else:
            is_honest = line == attempt.line.strip()
            counts.honest += is_honest
            counts.dishonest += not is_honest
            found += [attempt.line.strip()] if may_be_taught(asked, attempt) else []
    return found


def _attempts_of(reply: str) -> list[str]:
    """Return the lines of the thinking that are no tags."""
    thinking = reply.partition("<thinking>")[2].partition("</thinking>")[0]
    return [line for line in map(str.strip, thinking.split("\n")) if line and line[0] != "<"]


def _by_frequency(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda line: (-counts[line], line)))
