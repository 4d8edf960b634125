"""Results of runs that nobody trained, with the figures that a test gives them."""

from collections.abc import Sequence
from typing import Any

from train.evidence.arms import Scale, find
from train.evidence.training import told
from train.evidence.words import SPLITS


def result(
    arm: str,
    seed: int,
    right: Sequence[int],
    tokens: int = 30,
    num_tries: int = 4,
    caught: tuple[int, int] = (0, 10),
    false_alarms: tuple[int, int] = (0, 10),
) -> dict[str, Any]:
    one = {
        "right": list(right),
        "finished": [1] * len(right),
        "tokens": [tokens] * len(right),
        "reflections": [0] * len(right),
        "answer": ["x" if value else "y" for value in right],
        "logprob": [-1.0] * len(right),
        "judged": [(caught[1], caught[0], false_alarms[1], false_alarms[0], caught[0] // 2)]
        + [(0, 0, 0, 0, 0)] * (len(right) - 1),
    }
    check = {"num_tokens": 1000, "answers": "01" * 5, "caught": 50.0, "false_alarms": 1.0}
    training = {"num_tokens": 2000, "num_loss_tokens": 900, "num_examples": 20, "cpu_s": 1.0}
    return {
        "arm": arm,
        "seed": seed,
        "of": told(find(arm), Scale()),
        "num_parameters": 100,
        "own_mistakes": {},
        "recipe": {"seed": seed},
        "tries": [one] * num_tries,
        "greedy_tries": [one],
        "forced": {"wrong": 0.9, "right": 0.1},
        "word_problems": {split: _words(arm) for split in SPLITS} if find(arm).words_share else {},
        "num_solutions": [1 + at % 3 for at in range(len(right))],
        "training": {**training, "data_hash": "0", "checks": [check, check]},
    }


def _words(arm: str) -> dict[str, Any]:
    """Of eight problems thinking has every second right, reflecting every fourth."""
    every = 4 if find(arm).can_reflect else 2
    right = [int(at % every == 0) for at in range(8)]
    return {"right": right, "judged": [(2, 1, 2, 0, 0)] * 8}
