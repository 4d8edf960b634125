"""Recycled: what has become of one sample so far; in the end one line of recycled.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from train.recycling.parsing import Parsed
from train.recycling.ratios import Pair, Ratio
from train.recycling.selection import Decision, Variant
from train.recycling.status import Status
from train.sample import Sample
from train.samples import Seed

NUM_DIGITS = 6  # of a ratio in a line


@dataclass(frozen=True, slots=True)
class Call:
    """What the teacher gave when one variant was asked for, and after how many attempts."""

    parsed: Parsed
    num_attempts: int

    @property
    def status(self) -> Status:
        """What became of the last attempt."""
        return self.parsed.status


@dataclass(slots=True)
class Recycled:
    """A sample with its variants; grows from stage to stage.

    calls: by the variant that was asked for; ratios: of the variants that the choices needed
    chosen: the variant that is the result so far
    """

    seed: Seed
    variants: dict[Variant, Sample] = field(default_factory=dict)
    calls: dict[Variant, Call] = field(default_factory=dict)
    ifd: dict[Variant, Ratio] = field(default_factory=dict)
    rifd: dict[Variant, Ratio] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    chosen: Variant = "original"

    def __post_init__(self) -> None:
        """Begin with the original alone."""
        self.variants.setdefault("original", self.seed.sample)

    @property
    def waits_for(self) -> Status | None:
        """The status of a call on the way to the result that is to be asked again, if one is."""
        on_the_way = [self.calls.get(name) for name in ("instruction", reflected_from(self.base))]
        statuses = (call.status for call in on_the_way if call is not None)
        return next((status for status in statuses if status.is_passing), None)

    @property
    def is_stopped(self) -> bool:
        """Whether a call is to be asked again, so that what follows from it must wait."""
        return self.waits_for is not None

    @property
    def status(self) -> Status:
        """The first thing that did not go as it should, or OK; it may be kept all the same."""
        return next((status for status in self._statuses() if status != Status.OK), Status.OK)

    def _statuses(self) -> Iterator[Status]:
        """Yield the statuses on the way to the result, in the order of the stages."""
        answered = reflected_from(self.base)
        stages: list[tuple[Mapping[Variant, Call | Ratio], tuple[Variant, ...]]] = [
            (self.calls, ("instruction",)),
            (self.ifd, ("original", "instruction") if "instruction" in self.decisions else ()),
            (self.calls, (answered,)),
            (self.rifd, (self.base, answered)),
            (self.ifd, (self.chosen,)),
        ]
        for found, variants in stages:
            yield from (found[variant].status for variant in variants if variant in found)

    @property
    def base(self) -> Variant:
        """The variant that the first choice left."""
        return "instruction" if self.chosen in {"instruction", "both"} else "original"

    def pair(self, variant: Variant) -> Pair:
        """Return a variant under the name that its scores are kept by."""
        return Pair(f"{self.seed.id}/{variant}", self.variants[variant])

    def row(self) -> dict[str, Any]:
        """Return the line, all but `kept`, `rank` and `reason`."""
        return {
            "id": self.seed.id,
            "source": self.seed.sample.source,
            "split": self.seed.split,
            "status": self.status.value,
            "outcome": "none" if self.chosen == "original" else self.chosen,
            "final": _texts(self.variants[self.chosen]),
            "variants": {name: _texts(sample) for name, sample in self.variants.items()},
            "scores": {name: self._scores(name) for name in self.variants},
            "calls": {name: _call(call) for name, call in self.calls.items()},
            "decisions": {
                stage: {"is_accepted": decision.is_accepted, "reason": decision.reason}
                for stage, decision in self.decisions.items()
            },
        }

    def _scores(self, variant: Variant) -> dict[str, Any]:
        scores: dict[str, Any] = {}
        for name, ratios, of in (("ifd", self.ifd, ""), ("rifd", self.rifd, "_instruction")):
            if (ratio := ratios.get(variant)) is not None:
                scores |= {
                    name: _rounded(ratio.value),
                    f"{name}_status": ratio.status.value,
                    f"ppl{of}": _rounded(ratio.perplexity),
                    f"ppl{of}_given": _rounded(ratio.perplexity_given),
                }
        return scores


def reflected_from(base: Variant) -> Variant:
    """Return the variant that reflecting on a variant's response gives."""
    return "both" if base == "instruction" else "response"


def _texts(sample: Sample) -> dict[str, str]:
    return {
        "instruction": sample.instruction,
        "input": sample.input,
        "response": sample.response,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "status": call.status.value,
        "reason": call.parsed.reason,
        "num_attempts": call.num_attempts,
        "criticism": call.parsed.criticism,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, NUM_DIGITS)
