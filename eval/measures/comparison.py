"""Comparison: two runs of one task on the same questions; refused where they are not the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from estimates.means import mean
from estimates.paired import Paired, pair
from estimates.power import holm
from eval.errors import RunError
from eval.running.run_folder import MANIFEST, RunFolder
from eval.sample import Sample

Manifest = Mapping[str, Any]
Answers = dict[str, list[Sample]]  # by question
# What must be equal, by part of the manifest; (): all of the part.
COMPARED: dict[str, tuple[str, ...]] = {
    "data": ("sha256", "ids_sha256"),
    "protocol": (),
    "scorer": ("name", "version"),
    "judge": ("model", "json", "max_tokens", "fields", "judging", "prompts_sha256", "opponent"),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from a first run to a second.

    treatment: what was different by intent: name -> value of the first, of the second
    adjusted_p: Holm's, over the tasks compared together; of one task the plain one
    """

    task: str
    first: str
    second: str
    paired: Paired
    adjusted_p: float
    treatment: Mapping[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "task": self.task,
            "first": self.first,
            "second": self.second,
            **self.paired.to_dict(),
            "adjusted_p": self.adjusted_p,
            "treatment": dict(self.treatment),
        }


def runs_below(path: Path) -> list[RunFolder]:
    """Return the run that the folder is, or all runs below it; RunError where there is none."""
    if (path / MANIFEST).is_file():
        return [RunFolder(path)]
    found = [RunFolder(file.parent) for file in sorted(path.rglob(MANIFEST))]
    if not found:
        raise RunError(f"{path} holds no run: no {MANIFEST} in it or below")
    return found


def compare(first: RunFolder, second: RunFolder) -> Comparison:
    """Compare two runs, question by question; RunError says in what they are not the same."""
    before, after = first.manifest, second.manifest
    check_comparable(before, after)
    answers = _answers(first), _answers(second)
    _check_questions(first, second, answers)
    ids = sorted(answers[0])
    paired = pair(
        [_score(answers[0][id]) for id in ids],
        [_score(answers[1][id]) for id in ids],
        clusters=[answers[0][id][0].unit for id in ids],
    )
    return Comparison(
        task=before["task"],
        first=before["model"],
        second=after["model"],
        paired=paired,
        adjusted_p=paired.p,
        treatment=differences(before.get("treatment", {}), after.get("treatment", {})),
    )


def compare_sets(first: Path, second: Path) -> list[Comparison]:
    """Compare the runs of two folders, task by task, with p values adjusted for their number."""
    before, after = _by_task(first), _by_task(second)
    tasks = [task for task in before if task in after]
    if not tasks:
        raise RunError(
            f"no task in common: {first} has {', '.join(before)}; {second} has {', '.join(after)}"
        )
    found = [compare(before[task], after[task]) for task in tasks]
    return adjust(found)


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Adjust the p values for being several."""
    adjusted = holm([comparison.paired.p for comparison in comparisons])
    return [replace(one, adjusted_p=p) for one, p in zip(comparisons, adjusted, strict=True)]


def differences(first: Manifest, second: Manifest) -> dict[str, tuple[Any, Any]]:
    """Return the names whose values differ, with both values."""
    names = sorted({*first, *second})
    pairs = {name: (first.get(name), second.get(name)) for name in names}
    return {name: values for name, values in pairs.items() if values[0] != values[1]}


def check_comparable(first: Manifest, second: Manifest) -> None:
    """Raise RunError where task, protocol, data or scorer are not the same."""
    if first["task"] != second["task"]:
        raise RunError(f"two tasks: {first['task']} and {second['task']}")
    for part, names in COMPARED.items():
        changed = differences(*(_chosen(m.get(part) or {}, names) for m in (first, second)))
        if changed:
            said = "; ".join(f"{name}: {a!r} and {b!r}" for name, (a, b) in changed.items())
            raise RunError(
                f"not the same {part}, so a difference would say nothing of the models. {said}"
            )


def _chosen(part: Manifest, names: Sequence[str]) -> Manifest:
    return {name: part.get(name) for name in names} if names else part


def _answers(run: RunFolder) -> Answers:
    """Return the answers to each question, scored."""
    samples: dict[str, list[Sample]] = {}
    for sample in run.samples().values():
        samples.setdefault(sample.id, []).append(sample)
    is_scored = any(sample.score for ones in samples.values() for sample in ones)
    if not is_scored and "scorer" not in run.manifest:
        raise RunError(f"{run.path} has no scores: let a judge decide first (reflect eval judge)")
    return samples


def _score(answers: Sequence[Sample]) -> float:
    """Return the score of a question, the mean of its answers; what failed is wrong."""
    return mean([sample.value for sample in answers])


def _check_questions(first: RunFolder, second: RunFolder, answers: tuple[Answers, Answers]) -> None:
    """Refuse runs that did not ask the same questions: one was stopped, say."""
    if answers[0].keys() == answers[1].keys():
        return
    missing = {
        run.path: len(other.keys() - own.keys())
        for run, own, other in ((first, *answers), (second, *answers[::-1]))
    }
    said = "; ".join(f"{path} lacks {count}" for path, count in missing.items() if count)
    raise RunError(f"not the same questions: {said}. Resume a run that was stopped.")


def _by_task(path: Path) -> dict[str, RunFolder]:
    runs: dict[str, RunFolder] = {}
    for run in runs_below(path):
        task = run.manifest["task"]
        if task in runs:
            raise RunError(
                f"{path} has several runs of {task}: name one of them, {runs[task].path}"
            )
        runs[task] = run
    return runs
