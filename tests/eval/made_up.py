"""Made-up samples for tests: one call a sample, right or wrong, in tokens and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from client.turn import Failure, Turn
from eval.measures.summary import summarize
from eval.question import Question, sha256_of
from eval.running.digest import digest
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.score import Score, Scorer
from eval.task import Generated, Task

PROTOCOL = {
    "name": "ours",
    "prompts_sha256": "e" * 64,
    "few_shot": 0,
    "system": None,
    "temperature": 0.0,
    "top_p": None,
    "max_tokens": 1024,
}


def never(*_: Any) -> Any:
    """Stand where a test must not come: reading rows, scoring."""
    raise AssertionError("made-up runs are not asked and not scored")


def task(name: str = "gsm8k", **fields: Any) -> Task:
    """Return a task that is only a name."""
    return Task(name, "", Generated(never, 0, 0), never, Scorer("made up", 1, never), **fields)


def turn(content: str = "42", thinking: int = 30, output: int = 10, **fields: Any) -> Turn:
    """Return a turn with OpenAI's usage of so many tokens."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": thinking + output,
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }
    given: dict[str, Any] = {"finish_reason": "stop", "usage": usage, "latency_s": 0.5}
    return Turn(content, **given | fields)


def sample(
    id: str,
    value: float = 1.0,
    *,
    epoch: int = 0,
    group: str = "",
    extracted: str | None = "42",
    compat: float | None = None,
    turns: tuple[Turn, ...] | None = None,
    flags: tuple[str, ...] = (),
    **score: Any,
) -> Sample:
    """Return a scored sample."""
    return Sample(
        id=id,
        epoch=epoch,
        group=group,
        prompt_sha256="0" * 64,
        turns=(turn(),) if turns is None else turns,
        score=Score(value, extracted, "last number", compat, **score),
        flags=flags,
    )


def failed(id: str, epoch: int = 0, group: str = "") -> Sample:
    """Return a sample that the endpoint refused."""
    failure = Failure("no such model", 400)
    return Sample(id, epoch, group, "0" * 64, failure=failure, flags=("error",))


def asked(samples: Sequence[Sample]) -> list[Question]:
    """Return a question for each id."""
    ones = {one.id: one for one in samples}
    return [
        Question(id, (f"What is {id}?",), "42", one.group, cluster=one.cluster)
        for id, one in ones.items()
    ]


def run_folder(
    path: Path,
    samples: Sequence[Sample],
    questions: Sequence[Question] | None = None,
    *,
    of: Task | None = None,
    model: str = "demo",
    **manifest: Any,
) -> RunFolder:
    """Write a run as it looks when it has ended; `manifest` replaces whole parts of that."""
    folder = RunFolder(path)
    questions = asked(samples) if questions is None else questions
    folder.write_questions(questions)
    with folder:
        for one in samples:
            folder.append(one)
    folder.write_manifest(_manifest(of or task(), model, questions, samples) | manifest)
    return folder


def _manifest(
    task: Task, model: str, questions: Sequence[Question], samples: Sequence[Sample]
) -> dict[str, Any]:
    by_id = {question.id: question for question in questions}
    return {
        "format": 1,
        "task": task.name,
        "model": model,
        "status": "finished",
        "protocol": PROTOCOL,
        "treatment": {"effort": None, "seed": None, "epochs": 1, "repeat": 1, "fields": {}},
        "data": {
            "origin": "test.jsonl",
            "sha256": "d" * 64,
            "file_sha256": None,
            "n": len(questions),
            "ids_sha256": sha256_of(list(by_id)),
            "limit": None,
        },
        "scorer": {"name": "made up", "version": 1, "source_sha256": "5" * 64, "packages": {}},
        "versions": {"python": "3.11.9", "packages": {"aiohttp": "3.12.0"}},
        "git_commit": "c" * 40,
        "started": "2026-01-02T03:04:05Z",
        "ended": "2026-01-02T03:14:05Z",
        "wall_s": 600.0,
        **summarize(task, by_id, samples),
        "digest": digest(samples),
    }
