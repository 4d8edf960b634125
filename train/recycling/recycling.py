"""Recycling: a block of samples through the two reflections and the two choices.

*Reflection-Tuning* (https://arxiv.org/abs/2310.11716) accepts all; *Selective Reflection-Tuning*
(https://arxiv.org/abs/2402.10110) lets the student choose. The order is lazy: the response is
reflected on after the instruction is chosen, which saves one call of three and half of the scoring,
and chooses the same; `mode = "faithful"` asks and scores as published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from client.together import to_their_ends
from train.recycling.parsing import BETTER_ANSWER, NEW_ANSWER, NEW_INSTRUCTION
from train.recycling.prompts import INSTRUCTION, RESPONSE
from train.recycling.ratios import Ratio, Ratios
from train.recycling.recycled import Call, Recycled, reflected_from
from train.recycling.selection import Decision, Variant, accept_instruction, accept_response
from train.recycling.settings import Recycle
from train.recycling.status import Status
from train.recycling.teacher import Teacher
from train.sample import Sample
from train.samples import Seed

ALL_ACCEPTED = "all is accepted"


class Recycling:
    """How samples are recycled; holds nothing of them. One per run.

    ratios: None where no student chooses; told: hears the status of each reflection
    An error stops the teacher, and is raised when the replies under way are in the journal.
    """

    def __init__(
        self,
        teacher: Teacher,
        ratios: Ratios | None,
        settings: Recycle,
        told: Callable[[Status], None] = lambda _: None,
    ) -> None:
        self._teacher, self._ratios, self._settings, self._told = teacher, ratios, settings, told

    async def recycle(self, seeds: Sequence[Seed]) -> list[Recycled]:
        """Return what becomes of each sample of a block."""
        block = [Recycled(seed) for seed in seeds]
        stop = self._teacher.stop
        await to_their_ends((self._reflect_on_instruction(one) for one in block), stop)
        waiting = [one for one in block if not one.is_stopped]
        await self._choose_instructions(waiting)
        bases = [(one, base) for one in waiting for base in self._bases(one)]
        await to_their_ends((self._reflect_on_response(one, base) for one, base in bases), stop)
        await self._choose_responses([one for one in waiting if not one.is_stopped])
        return block

    async def _reflect_on_instruction(self, one: Recycled) -> None:
        sample = one.seed.sample
        blocks = (NEW_INSTRUCTION, NEW_ANSWER)
        parsed, num_attempts = await self._teacher.reflect(one.seed.id, INSTRUCTION, sample, blocks)
        one.calls["instruction"] = Call(parsed, num_attempts)
        if parsed.status == Status.OK:  # both halves or neither
            instruction, response = parsed.texts
            one.variants["instruction"] = Sample(instruction, response, source=sample.source)
        self._told(parsed.status)

    async def _reflect_on_response(self, one: Recycled, base: Variant) -> None:
        sample, answered = one.variants[base], reflected_from(base)
        blocks = (BETTER_ANSWER,)
        parsed, num_attempts = await self._teacher.reflect(one.seed.id, RESPONSE, sample, blocks)
        one.calls[answered] = Call(parsed, num_attempts)
        if parsed.status == Status.OK:
            one.variants[answered] = replace(sample, response=parsed.texts[0])
        self._told(parsed.status)

    def _bases(self, one: Recycled) -> list[Variant]:
        """Return the variants whose response is to be reflected on."""
        if self._ratios is None or self._settings.mode == "exact":
            return [one.base]
        return [variant for variant in ("original", "instruction") if variant in one.variants]

    async def _choose_instructions(self, block: Sequence[Recycled]) -> None:
        """Choose between the original and the pair with the new instruction, where there is one."""
        choices = [one for one in block if "instruction" in one.variants]
        await self._measure_ifd((one, v) for one in choices for v in ("original", "instruction"))
        for one in choices:
            decision = Decision(True, ALL_ACCEPTED)
            if self._ratios is not None:
                before, reflected = one.ifd["original"], one.ifd["instruction"]
                decision = accept_instruction(before.value, reflected.value)
            one.decisions["instruction"] = decision
            one.chosen = "instruction" if decision.is_accepted else "original"

    async def _choose_responses(self, block: Sequence[Recycled]) -> None:
        """Choose between the pair so far and that with the better answer; measure the winner."""
        measured = [(one, v) for one in block for v in self._measured(one)]
        await self._measure_rifd(measured)
        for one in block:
            base, answered = one.base, reflected_from(one.base)
            if answered not in one.variants:
                continue
            decision = Decision(True, ALL_ACCEPTED)
            if self._ratios is not None:
                decision = accept_response(one.rifd[base].value, one.rifd[answered].value)
            one.decisions["response"] = decision
            one.chosen = answered if decision.is_accepted else base
        winners = [(one, one.chosen) for one in block if self._is_candidate(one)]
        await self._measure_ifd(winners if self._settings.mode == "exact" else measured)

    def _measured(self, one: Recycled) -> Iterable[Variant]:
        """Return the variants whose r-IFD a choice or the filter needs; as published, all."""
        if self._settings.mode == "faithful":
            return tuple(one.variants)
        answered = reflected_from(one.base)
        if answered in one.variants:
            return one.base, answered
        return () if self._settings.require_reflected_response else (one.base,)

    def _is_candidate(self, one: Recycled) -> bool:
        is_reflected = one.chosen in {"response", "both"}
        return is_reflected or not self._settings.require_reflected_response

    async def _measure_ifd(self, wanted: Iterable[tuple[Recycled, Variant]]) -> None:
        if self._ratios is not None:
            missing = [(one, variant) for one, variant in wanted if variant not in one.ifd]
            found = await self._ratios.ifd([one.pair(variant) for one, variant in missing])
            _note([(one.ifd, variant) for one, variant in missing], found)

    async def _measure_rifd(self, wanted: Iterable[tuple[Recycled, Variant]]) -> None:
        if self._ratios is not None:
            wanted = list(wanted)
            found = await self._ratios.rifd([one.pair(variant) for one, variant in wanted])
            _note([(one.rifd, variant) for one, variant in wanted], found)


def _note(places: Sequence[tuple[dict[Variant, Ratio], Variant]], found: Sequence[Ratio]) -> None:
    for (ratios, variant), ratio in zip(places, found, strict=True):
        ratios[variant] = ratio
