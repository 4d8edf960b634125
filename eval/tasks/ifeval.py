"""IFEval: instructions whose following can be checked by a program.

Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models",
arxiv.org/abs/2311.07911.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from estimates.clusters import clustered_error
from estimates.means import around, mean
from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers.instructions import INSTRUCTIONS
from eval.task import Shots, Task

if TYPE_CHECKING:
    from eval.sample import Sample

Parts = Sequence[Sequence[bool]]  # of each sample: which of its instructions are followed


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:  # noqa: ARG001 - it takes none
    """Ask each prompt as it is."""
    return [
        Question(
            id=f"ifeval-{row['key']}",
            turns=(row["prompt"],),
            gold=None,
            row={"instructions": row["instruction_id_list"], "kwargs": row["kwargs"]},
        )
        for row in rows
    ]


def figures(questions: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the four accuracies, their mean, and the strict one of each kind of instruction.

    What has no score follows nothing. The instructions of a prompt stand and fall together: errors
    are clustered by prompt, in the mean of the four too.
    """
    ids = [sample.id for sample in samples]
    strict = [_followed(questions[sample.id], sample, "strict") for sample in samples]
    loose = [_followed(questions[sample.id], sample, "loose") for sample in samples]
    four: dict[str, Parts] = {
        "prompt_strict": [[all(parts)] for parts in strict],
        "prompt_loose": [[all(parts)] for parts in loose],
        "instruction_strict": strict,
        "instruction_loose": loose,
    }
    kinds = [_kinds(questions[id]) for id in ids]
    return {
        "mean_of_four": _mean_rate(list(four.values()), ids),
        **{name: _mean_rate([parts], ids) for name, parts in four.items()},
        "kinds": {
            kind: _mean_rate([_only(kind, kinds, strict)], ids)
            for kind in sorted({kind for found in kinds for kind in found})
        },
    }


def _followed(question: Question, sample: Sample, how: str) -> list[bool]:
    details = sample.score.details if sample.score else {}
    return list(details.get(how) or [False] * len(question.row["instructions"]))


def _kinds(question: Question) -> list[str]:
    return [name.partition(":")[0] for name in question.row["instructions"]]


def _only(kind: str, kinds: Sequence[Sequence[str]], followed: Parts) -> Parts:
    return [
        [part for name, part in zip(names, parts, strict=True) if name == kind]
        for names, parts in zip(kinds, followed, strict=True)
    ]


def _mean_rate(tables: Sequence[Parts], ids: Sequence[str]) -> dict[str, Any]:
    """Return the mean of the tables' rates, its error by each sample's part in it (linearised)."""
    n = len(ids)
    totals = [sum(map(len, table)) for table in tables]
    rates = [sum(map(sum, table)) / total for table, total in zip(tables, totals, strict=True)]
    influences = [0.0] * n
    for table, total, rate in zip(tables, totals, rates, strict=True):
        for number, parts in enumerate(table):
            influences[number] += (sum(parts) - len(parts) * rate) / total / len(tables)
    error = clustered_error([n * influence for influence in influences], ids)
    return around(mean(rates), error, totals[0] if len(tables) == 1 else n).to_dict()


def _from_hub(row: Row, _: int) -> Row:
    """Drop the arguments an instruction does not have."""
    kwargs = [
        {name: value for name, value in given.items() if value is not None}
        for given in row["kwargs"]
    ]
    return row | {"kwargs": kwargs}


IFEVAL = Task(
    name="ifeval",
    about="IFEval: 541 prompts with instructions that a program can check",
    rows=Source(
        "ifeval",
        json_lines("input_data"),
        ("key", "prompt", "instruction_id_list", "kwargs"),
        Hub("google/IFEval", "train", _from_hub),
    ),
    read=read,
    scorer=INSTRUCTIONS,
    figures=figures,
    note="The score is the share of prompts with all instructions followed strictly; published "
    "figures are often the mean of four, which stands beside it (mean_of_four).",
)
