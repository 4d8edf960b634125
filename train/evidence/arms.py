"""Arms: the models that are compared, and how large the comparison is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.evidence.lessons import Mask, Style


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of teaching, trained once a seed.

    share: of the comparison's training tokens; what starts from another arm has used that arm's too
    base: the arm whose finished weights it starts from
    mistakes: drawn at random; the base's own; or drawn, but on the puzzles of the base's own
    lora_rank: of adapters on all linear layers, the rest frozen; 0 trains everything
    num_numbers: of a puzzle; words_share: of word problems among the examples, words_mistakes: how
    often a step of theirs is preceded by a mistake and its reflection
    lr: the rate that its own checks choose (THINKING_LR), or None: that of the comparison
    """

    name: str
    about: str
    style: Style
    mask: Mask = Mask.DECISIONS
    share: float = 1.0
    base: str | None = None
    mistakes: Literal["drawn", "own", "drawn on the same puzzles"] = "drawn"
    lora_rank: int = 0
    num_numbers: int = 3
    words_share: float = 0.0
    words_mistakes: float = 0.0
    lr: float | None = None

    @property
    def can_reflect(self) -> bool:
        """Whether its lessons have reflections."""
        return self.style is Style.REFLECTING


HALF = "thinking, half"
THINKING, REFLECTING = "thinking", "reflecting"
SAME_RATE = "thinking, same rate"
BOTH = "reflecting in both"
FOUR, MIXED = "four numbers", "mixed"
# Of 1e-3, 2e-3 and 4e-3, and 4e-3 with steps of 2,048 tokens, seed 1, by the checks.
THINKING_LR = 1e-3
# In the order of running: what decides comes first.
ARMS = (
    Arm(THINKING, "the right attempt, then the answer", Style.THINKING, lr=THINKING_LR),
    Arm(REFLECTING, "wrong attempts rejected; no loss on their decisions", Style.REFLECTING),
    Arm(SAME_RATE, "thinking with the rate that reflecting has", Style.THINKING),
    Arm("unmasked", "the same with loss on everything", Style.REFLECTING, Mask.NONE),
    Arm("attempts masked", "no loss on whole wrong attempts", Style.REFLECTING, Mask.ATTEMPTS),
    Arm("prefix masked", "each example twice, once learned after its first reflection",
        Style.REFLECTING, Mask.PREFIX),
    Arm("direct", "the answer alone", Style.DIRECT, lr=THINKING_LR),
    Arm(HALF, "what the continued ones start from", Style.THINKING, share=0.5, lr=THINKING_LR),
    Arm("thinking, continued", "the control of all that is continued: more of the same",
        Style.THINKING, share=0.5, base=HALF),
    Arm("continued", "thinking, then reflecting, half each", Style.REFLECTING, share=0.5,
        base=HALF),
    Arm("own mistakes", "as continued, with the mistakes that the thinking model makes",
        Style.REFLECTING, share=0.5, base=HALF, mistakes="own"),
    Arm("same puzzles", "the control of own mistakes: its puzzles, mistakes drawn",
        Style.REFLECTING, share=0.5, base=HALF, mistakes="drawn on the same puzzles"),
    Arm("LoRA", "as continued, by adapters and the rows of new tokens alone", Style.REFLECTING,
        share=0.5, base=HALF, lora_rank=64),
    Arm(f"{THINKING}, {FOUR}", "longer puzzles", Style.THINKING, num_numbers=4, lr=THINKING_LR),
    Arm(f"{REFLECTING}, {FOUR}", "longer puzzles", Style.REFLECTING, num_numbers=4),
    Arm(f"{THINKING}, {MIXED}", "with word problems", Style.THINKING, words_share=0.3,
        lr=THINKING_LR),
    Arm(f"{REFLECTING}, {MIXED}", "with word problems, which have no reflections",
        Style.REFLECTING, words_share=0.3),
    Arm(f"{BOTH}, {MIXED}", "with word problems, which have theirs",
        Style.REFLECTING, words_share=0.3, words_mistakes=0.2),
)  # fmt: skip


def thinking_of(name: str) -> str:
    """Return the thinking arm on the same problems as the arm of that name."""
    _, comma, problems = name.rpartition(", ")
    return f"{THINKING}{comma}{problems}" if problems in (FOUR, MIXED) else THINKING


def find(name: str) -> Arm:
    """Return the arm of that name; KeyError lists the names there are."""
    for arm in ARMS:
        if arm.name == name:
            return arm
    raise KeyError(f"no arm is called {name!r}; there is {'; '.join(a.name for a in ARMS)}")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; equal scales make equal figures.

    num_tokens: of training, prompts included, without padding
    batch_tokens: of a step; lr: the rate, of matrices and of the rest
    num_puzzles: held-out puzzles asked; num_votes: answers a puzzle of the voting arms
    num_own, num_tries: training puzzles on which own mistakes are sought, and how often
    """

    num_tokens: int = 3_200_000
    batch_tokens: int = 1024
    lr: float = 4e-3
    num_layers: int = 4
    width: int = 96
    num_puzzles: int = 1000
    num_votes: int = 8
    num_own: int = 6000
    num_tries: int = 6
    num_checks: int = 8
    num_check_puzzles: int = 200
    num_tokenizer_examples: int = 3000
    num_warmup_steps: int = 100

    def quick(self) -> Scale:
        """Return the smoke scale: every part of the path, nothing learned."""
        return Scale(
            num_tokens=8_000,
            num_layers=1,
            width=16,
            num_puzzles=6,
            num_votes=2,
            num_own=6,
            num_tries=1,
            num_checks=2,
            num_check_puzzles=2,
            num_tokenizer_examples=200,
            num_warmup_steps=5,
        )
