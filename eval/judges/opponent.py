"""The other side of pairs: another run of the same questions, or references that the rows carry.

Another run's answers are copied into the judged run's folder, in a file named by its content, so
that the folder can be verified alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eval.errors import RunError
from eval.judges.case import Opponents
from eval.judges.judging import Judging, reference_texts
from eval.question import Question, sha256_of
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from files.journal import Journal
from files.whole import write_whole

Block = dict[str, Any]


def reference(judging: Judging, name: str | None) -> Block:
    """Return the block of a reference; None: the judging's default."""
    if not judging.references:
        raise RunError(
            "this task has no references: let the judge see another run of it beside this one, "
            "`reflect eval judge RUN --against OTHER`"
        )
    chosen = name or judging.references[0]
    if chosen not in judging.references:
        raise RunError(f"no reference {chosen!r}; there is {', '.join(judging.references)}")
    return {"reference": chosen}


def other_run(folder: RunFolder, other: RunFolder) -> Block:
    """Copy the other run's answers into the folder and return the block that names them.

    Raises RunError unless it asked the same questions of the same data, and all of them.
    """
    manifest = other.manifest
    _check_same(folder, other)
    answers = [
        {"id": id, "epoch": epoch, "texts": _texts(sample)}
        for (id, epoch), sample in sorted(other.samples().items())
    ]
    sha256 = sha256_of(answers)
    name = f"opponent-{sha256[:16]}.jsonl"
    lines = "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
    write_whole(folder.path / name, lines)
    return {
        "file": name,
        "sha256": sha256,
        "model": manifest["model"],
        "run_digest": other.digest(),
    }


def read_opponents(
    folder: RunFolder, questions: Mapping[str, Question], block: Block | None
) -> Opponents:
    """Return the other side's texts by id and epoch; a reference has epoch 0."""
    if block is None:
        return {}
    if "reference" in block:
        name = block["reference"]
        return {(id, 0): tuple(reference_texts(one, name)) for id, one in questions.items()}
    file = folder.path / block["file"]
    if not file.exists():
        raise RunError(f"{file} is missing: it holds the answers of the other side")
    return {(line["id"], line["epoch"]): tuple(line["texts"]) for line in Journal(file)}


def other_side(sample: Sample, opponents: Opponents) -> tuple[str, ...]:
    """Return the texts beside a sample's: of its epoch, or of the first where there are fewer."""
    found = opponents.get((sample.id, sample.epoch))
    return found if found is not None else opponents.get((sample.id, 0), ())


def _texts(sample: Sample) -> list[str]:
    return sample.texts or [""]


def _check_same(folder: RunFolder, other: RunFolder) -> None:
    ours, theirs = folder.manifest, other.manifest
    if ours["task"] != theirs["task"]:
        raise RunError(f"{other.path} is a run of {theirs['task']}, not of {ours['task']}")
    asked, others = folder.questions(), other.questions()
    differ = [id for id in {*asked, *others} if _turns(asked, id) != _turns(others, id)]
    if differ or ours["data"]["sha256"] != theirs["data"]["sha256"]:
        raise RunError(
            f"{other.path} asked other questions ({len(differ)} differ): run the task again for "
            "both models with the same --data and --limit"
        )
    unasked = set(others) - {id for id, _ in other.samples()}
    if unasked:
        raise RunError(f"{other.path} has no answers to {len(unasked)} questions: finish it first")


def _turns(questions: Mapping[str, Question], id: str) -> tuple[str, ...] | None:
    return questions[id].turns if id in questions else None
