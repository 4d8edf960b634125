"""What MT-Bench reports: the mean grade of each turn and of each category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from estimates.means import mean, normal
from eval.judges.judging import JUDGE_ERROR
from eval.question import Question
from eval.sample import Sample


def grading_figures(_: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the means; a turn that was not answered, or not graded, counts 0."""
    grades = [_grades(sample) for sample in samples]
    categories: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        categories[sample.group].append(sample.value)
    turns = max(map(len, grades), default=0)
    return {
        "turns": [mean([turn(one, number) for one in grades]) for number in range(turns)],
        "categories": {name: normal(ones).to_dict() for name, ones in categories.items()},
        JUDGE_ERROR: sum(JUDGE_ERROR in sample.score.flags for sample in samples if sample.score),
    }


def turn(grades: Sequence[int], number: int) -> float:
    """Return the grade of a turn, 0 where there is none."""
    return grades[number] if number < len(grades) else 0.0


def _grades(sample: Sample) -> list[int]:
    return list(sample.score.details["turns"]) if sample.score else []
