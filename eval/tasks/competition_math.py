r"""MATH: problems of contests, answered in a \boxed{}.

Hendrycks et al. 2021, "Measuring Mathematical Problem Solving With the MATH Dataset",
arxiv.org/abs/2103.03874; MATH-500 is the subset of Lightman et al. 2023 (arxiv.org/abs/2305.20050).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from estimates.means import interval
from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers.competition_math import COMPETITION_MATH
from eval.task import Shots, Task

if TYPE_CHECKING:
    from eval.sample import Sample

REQUEST = (
    "Solve this problem. Reason step by step, and give your final answer, as simple as it can be, "
    "within \\boxed{}."
)
COLUMNS = ("id", "problem", "answer", "subject", "level")


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:  # noqa: ARG001 - it takes none
    """Ask each problem alone; it is grouped by its subject."""
    return [
        Question(
            id=row["id"],
            turns=(f"{REQUEST}\n\n{row['problem']}",),
            gold=row["answer"],
            group=row["subject"],
            row={"level": _level(row["level"])},
        )
        for row in rows
    ]


def _level(level: str | int) -> str:
    """Read "Level 3" or 3; "?" where the data do not say."""
    digit = re.search(r"\d", str(level))
    return digit[0] if digit else "?"


def figures(questions: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the accuracy by subject and by level, what failed included."""
    subjects = [sample.group for sample in samples]
    levels = [str(questions[sample.id].row["level"]) for sample in samples]
    return {"subjects": _by(subjects, samples), "levels": _by(levels, samples)}


def _by(names: Sequence[str], samples: Sequence[Sample]) -> dict[str, Any]:
    parts: dict[str, list[float]] = {}
    for name, sample in sorted(zip(names, samples, strict=True), key=itemgetter(0)):
        parts.setdefault(name, []).append(sample.value)
    return {name: interval(values).to_dict() for name, values in parts.items()}


def _from_hub(row: Row, number: int) -> Row:
    columns = ("problem", "solution", "answer", "subject", "level")
    return {"id": f"math500-{number}"} | {name: row[name] for name in columns}


MATH = Task(
    name="math",
    about="MATH: 5,000 problems of contests (local data only)",
    rows=Source("math", ("test.jsonl.gz", "test.jsonl"), COLUMNS),
    read=read,
    scorer=COMPETITION_MATH,
    figures=figures,
)
MATH500 = Task(
    name="math500",
    about="MATH-500: 500 of the problems of MATH",
    rows=Source(
        "math",
        json_lines("math500"),
        COLUMNS,
        Hub("HuggingFaceH4/MATH-500", "test", _from_hub),
    ),
    read=read,
    scorer=COMPETITION_MATH,
    figures=figures,
)
