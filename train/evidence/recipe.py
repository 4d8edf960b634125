"""ArmRecipe: everything that decides what one model of the evidence becomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from train.evidence.arms import Arm, Scale
from train.evidence.lessons import Lesson, Style
from train.evidence.own_mistakes import OwnMistakes
from train.small.recipe import Recipe

CONTINUED_FROM = 1_000_000  # examples: more than any base was taught


@dataclass(frozen=True, slots=True)
class ArmRecipe(Recipe):
    """The demo model's recipe with a lesson instead of its mixture.

    origin: hash of the weights it starts from; "" where they are fresh
    decay: the share of the run, its last, in which the rate falls
    """

    lesson: Lesson = field(default_factory=lambda: Lesson(Style.THINKING))
    lora_rank: int = 0
    origin: str = ""
    decay: float = 0.4

    def falling(self, phase: float) -> float:
        """Full rate, then straight down: checking is learned late, and at a full rate.

        S. Hu et al., *MiniCPM*, section 4 (https://arxiv.org/abs/2404.06395).
        """
        return min(1.0, (1 - phase) / self.decay)

    @property
    def lessons(self) -> Lesson:
        """What is taught."""
        return self.lesson

    @property
    def corpus(self) -> Lesson:
        """What the tokenizer is made from: the same for all arms on the same problems."""
        numbers, words = self.lesson.num_numbers, self.lesson.words_share
        return Lesson(Style.REFLECTING, num_numbers=numbers, words_share=words, words_mistakes=0.2)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; own mistakes by their hash."""
        plain = asdict(replace(self, lesson=replace(self.lesson, own=None)))
        del plain["mixture"]
        return plain | {"lesson": self.lesson.to_dict()}


def arm_recipe(
    arm: Arm, seed: int, scale: Scale, origin: str = "", own: OwnMistakes | None = None
) -> ArmRecipe:
    """Return the recipe of an arm and a seed."""
    return ArmRecipe(
        seed=seed,
        num_tokens=round(scale.num_tokens * arm.share),
        batch_tokens=scale.batch_tokens,
        lr=arm.lr or scale.lr,
        adamw_lr=arm.lr or scale.lr,
        num_tokenizer_examples=scale.num_tokenizer_examples,
        num_layers=scale.num_layers,
        width=scale.width,
        inner_width=3 * scale.width,
        num_warmup_steps=scale.num_warmup_steps,
        num_checks=scale.num_checks,
        num_check_problems=scale.num_check_puzzles,
        num_problems=scale.num_puzzles,
        lesson=Lesson(
            arm.style,
            arm.mask,
            own,
            arm.num_numbers,
            arm.words_share,
            arm.words_mistakes,
            first=CONTINUED_FROM if arm.base else 0,
        ),
        lora_rank=arm.lora_rank,
        origin=origin,
    )
