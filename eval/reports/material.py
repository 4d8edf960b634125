"""Material: a run as a report reads it, all of it in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.judges.verdicts import VERDICTS
from eval.question import Question
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from files.journal import Journal


@dataclass(frozen=True, slots=True)
class Material:
    """One run; immutable.

    name: what the report calls it: its model, and what tells it from others of the same model
    samples: in the order of the questions, epochs in order
    verdicts: what a judge replied, by question and epoch, in the order of asking
    """

    name: str
    folder: RunFolder
    manifest: Mapping[str, Any]
    questions: Mapping[str, Question]
    samples: Sequence[Sample]
    verdicts: Mapping[tuple[str, int], Sequence[str]]

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.manifest["task"])

    @property
    def headline(self) -> Mapping[str, Any] | None:
        """The score with its interval; None where no judge has decided yet."""
        return (self.manifest.get("scores") or {}).get("robust")


def read_material(folders: Iterable[RunFolder]) -> list[Material]:
    """Read the runs and give each a name of its own within its task."""
    runs = [_read(folder) for folder in folders]
    return [_named(run, runs) for run in runs]


def _read(folder: RunFolder) -> Material:
    questions = folder.questions()
    order = {id: number for number, id in enumerate(questions)}
    samples = sorted(
        folder.samples().values(), key=lambda one: (order.get(one.id, len(order)), one.epoch)
    )
    manifest = folder.manifest
    return Material(manifest["model"], folder, manifest, questions, samples, _verdicts(folder))


def _verdicts(folder: RunFolder) -> dict[tuple[str, int], list[str]]:
    """Return the texts of the verdicts that are filed; of asking twice, the last."""
    texts: dict[tuple[str, int], dict[str, str]] = {}
    for line in Journal(folder.path / VERDICTS):
        if line["turn"] is not None:
            texts.setdefault((line["id"], line["epoch"]), {})[line["key"]] = line["turn"]["content"]
    return {sample: list(by_key.values()) for sample, by_key in texts.items()}


def _named(run: Material, runs: Sequence[Material]) -> Material:
    """Add the effort, or else the number of the run, where a model was run on a task twice."""
    alike = [one for one in runs if (one.task, one.name) == (run.task, run.name)]
    if len(alike) == 1:
        return run
    efforts = [one.manifest.get("treatment", {}).get("effort") for one in alike]
    mine = alike.index(run)
    told = f"effort {efforts[mine]}" if len(set(efforts)) == len(alike) else f"run {mine + 1}"
    return Material(
        f"{run.name}, {told}", run.folder, run.manifest, run.questions, run.samples, run.verdicts
    )
