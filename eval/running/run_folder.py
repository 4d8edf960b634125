"""RunFolder: one run of one task with one model, on disk: manifest, questions, samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from client.turn import Message
from eval.errors import RunError
from eval.question import Question, sha256_of
from eval.running.digest import digest
from eval.sample import Sample
from files.journal import Journal
from files.whole import write_whole

MANIFEST, QUESTIONS, SAMPLES = "manifest.json", "questions.jsonl", "samples.jsonl"


class RunFolder:
    """The folder of a run. Reading needs no more than the path; writing happens inside `with`,
    by one process at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._samples = Journal(path / SAMPLES)

    @property
    def manifest(self) -> dict[str, Any]:
        """What was run and what came of it; RunError where this is no folder of a run."""
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"{self.path} is no folder of a run: it has no {MANIFEST}") from error
        except ValueError as error:
            raise RunError(f"{file} is not JSON ({error})") from error
        if not isinstance(manifest, dict) or manifest.get("format") != 1:
            raise RunError(f"{file}: a manifest of format 1 was expected")
        if not all(isinstance(manifest.get(name), str) for name in ("task", "model")):
            raise RunError(f"{file}: it names no task or no model")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest, at once or not at all."""
        write_whole(self.path / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")

    def write_questions(self, questions: Sequence[Question]) -> None:
        """Write the questions as asked; a context that several share stands there once."""
        lines: list[dict[str, Any]] = []
        names: dict[int, str] = {}
        seen: set[str] = set()
        for question in questions:
            name = _name(question.context, names)
            if name is not None and name not in seen:
                seen.add(name)
                lines.append({"context": name, "messages": question.context})
            fields = {field: getattr(question, field) for field in question.__slots__}
            lines.append({"question": fields | {"context": name}})
        write_whole(
            self.path / QUESTIONS,
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
        )

    def questions(self) -> dict[str, Question]:
        """Return the questions by id, in the order of asking."""
        contexts: dict[str | None, tuple[Any, ...]] = {None: ()}
        questions = {}
        for number, line in enumerate(Journal(self.path / QUESTIONS), 1):
            try:
                if "question" not in line:
                    contexts[line["context"]] = tuple(line["messages"])
                    continue
                asked = line["question"]
                told = {"turns": tuple(asked["turns"]), "context": contexts[asked["context"]]}
                questions[asked["id"]] = Question(**asked | told)
            except (LookupError, TypeError) as error:
                raise RunError(
                    f"{self.path / QUESTIONS}, line {number}: not a question ({error!r})"
                ) from error
        return questions

    def samples(self) -> dict[tuple[str, int], Sample]:
        """Return the last sample of each question and epoch; a torn last line is left out."""
        samples = {}
        for number, line in enumerate(self._samples, 1):
            try:
                sample = Sample.from_dict(line)
            except (LookupError, TypeError, ValueError) as error:
                raise RunError(
                    f"{self.path / SAMPLES}, line {number}: not a sample ({error!r})"
                ) from error
            samples[sample.id, sample.epoch] = sample
        return samples

    def digest(self) -> str:
        """Return the digest of its samples."""
        return digest(self.samples().values())

    def __enter__(self) -> Self:
        """Take it for writing; RunError where another process has it."""
        self._samples.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._samples.__exit__(kind, error, trace)

    def append(self, sample: Sample) -> None:
        """Add a sample, or replace the one of the same question and epoch."""
        self._samples.append(sample.to_dict())


def _name(context: tuple[Message, ...], names: dict[int, str]) -> str | None:
    """Return the hash of a context; `names` keeps it by object, for contexts that are shared."""
    if not context:
        return None
    if id(context) not in names:
        names[id(context)] = sha256_of(list(map(dict, context)))
    return names[id(context)]
