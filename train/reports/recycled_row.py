"""A line of `recycled.jsonl` as a report reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from train.sample import Sample

if TYPE_CHECKING:
    from train.scoring.scored import Scored
    from train.scoring.target import Likelihood

VARIANTS = ("original", "instruction", "response", "both")  # by what of it is the teacher's


@dataclass(frozen=True, slots=True)
class RecycledRow:
    """One sample with all its variants; immutable.

    outcome: what of the result is the teacher's: none, instruction, response or both
    rank: its place by IFD among those that could be kept, from 1
    scores, calls: by variant, as recycling wrote them; decisions: by stage
    """

    id: str
    source: str
    split: str
    status: str
    outcome: str
    is_kept: bool
    rank: int | None
    reason: str | None
    variants: Mapping[str, Sample]
    scores: Mapping[str, Mapping[str, Any]]
    calls: Mapping[str, Mapping[str, Any]]
    decisions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> RecycledRow:
        """Read a line; KeyError names what it lacks."""
        return cls(
            id=line["id"],
            source=line["source"],
            split=line["split"],
            status=line["status"],
            outcome=line["outcome"],
            is_kept=line["kept"],
            rank=line["rank"],
            reason=line["reason"],
            variants={name: Sample(**texts) for name, texts in line["variants"].items()},
            scores=line["scores"],
            calls=line["calls"],
            decisions=line["decisions"],
        )

    def with_original(self, scored: Scored) -> RecycledRow:
        """Return it with the scores of the original that it lacks."""
        given, alone, _, _ = scored.likelihoods
        found = {
            "ppl": _perplexity(alone),
            "ppl_given": _perplexity(given),
            "ifd": scored.ifd,
            "rifd": scored.rifd,
        }
        own = {
            name: value
            for name, value in self.scores.get("original", {}).items()
            if value is not None
        }
        return replace(self, scores={**self.scores, "original": found | own})

    @property
    def final(self) -> str:
        """The variant that is the result."""
        return "original" if self.outcome == "none" else self.outcome

    def score(self, variant: str, name: str) -> float | None:
        """Return a score of a variant; None where there is no number."""
        value = self.scores.get(variant, {}).get(name)
        return None if value is None else float(value)


def _perplexity(likelihood: Likelihood) -> float | None:
    return None if likelihood.mean_nll is None else math.exp(likelihood.mean_nll)


Place = tuple[RecycledRow, str]  # a sample and one of its variants


def stages_of(rows: Sequence[RecycledRow]) -> dict[str, list[Place]]:
    """Return what the samples were, what they became, and of that what is kept."""
    return {
        "original": [(row, "original") for row in rows],
        "recycled": [(row, row.final) for row in rows],
        "kept": [(row, row.final) for row in rows if row.is_kept],
    }


def variants_of(rows: Sequence[RecycledRow]) -> dict[str, list[Place]]:
    """Return the samples by variant, those alone that there are."""
    found = {name: [(row, name) for row in rows if name in row.variants] for name in VARIANTS}
    return {name: places for name, places in found.items() if places}
