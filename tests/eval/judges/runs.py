"""Run folders as the runner leaves them, of given answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from client.endpoint import Endpoint
from client.retries import Retries
from client.turn import Failure, Turn
from eval.judges.judge import Judge
from eval.judges.judge_run import Request, judge_run
from eval.judges.opponent import Block, other_run
from eval.measures.summary import summarize
from eval.question import Question, sha256_of
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.task import Task
from eval.tasks.catalogue import find

JUDGE = Judge("judge-model")
RIGHT, WRONG, THEIRS = ["It is right."], ["It is 1."], ["It is 3."]
FAST = Retries(max_attempts=4, first_pause_s=0.001, max_pause_s=0.01)


def questions(num: int) -> list[Question]:
    return [
        Question(f"q{i}", (f"What is {i} + {i}?",), None, ("koala", "lima")[i % 2])
        for i in range(num)
    ]


def write_run(
    path: Path,
    asked: Sequence[Question],
    answers: Mapping[str, Sequence[str] | None],
    task: str = "pairwise",
    model: str = "ours",
) -> RunFolder:
    """Write a run; an answer None is a request that failed."""
    folder = RunFolder(path)
    with folder:
        folder.write_questions(asked)
        for question in asked:
            folder.append(_sample(question, answers[question.id]))
    ids = [question.id for question in asked]
    prompts = [question.prompt_sha256() for question in asked]
    by_id = dict(zip(ids, asked, strict=True))
    manifest = {
        "format": 1,
        "task": task,
        "model": model,
        "data": {"sha256": sha256_of(ids), "ids_sha256": sha256_of(ids)},
        "protocol": {"system": None, "prompts_sha256": sha256_of(prompts)},
        "status": "finished",
        **summarize(find(task), by_id, list(folder.samples().values())),
    }
    folder.write_manifest(manifest)
    return folder


def _sample(question: Question, texts: Sequence[str] | None) -> Sample:
    sha256 = question.prompt_sha256()
    if texts is None:
        failure = Failure("refused", 400)
        return Sample(question.id, 0, question.group, sha256, failure=failure)
    turns = tuple(Turn(text, finish_reason="stop") for text in texts)
    return Sample(question.id, 0, question.group, sha256, turns)


async def judged(
    folder: RunFolder,
    task: Task,
    base_url: str,
    opponent: Block | None,
    judge: Judge = JUDGE,
    **options: Any,
) -> dict[str, Any]:
    """Judge the folder over HTTP with short pauses; returns its manifest."""
    request = Request(judge, opponent, **options)
    with folder:
        async with Endpoint(base_url, judge.model, retries=FAST) as endpoint:
            return await judge_run(folder, task, request, endpoint)


def pair(tmp_path: Path, num: int = 6) -> tuple[RunFolder, Block]:
    """Return a run that is right on the even questions, beside one that is right on none."""
    asked = questions(num)
    ours = write_run(
        tmp_path / "ours", asked, {q.id: WRONG if i % 2 else RIGHT for i, q in enumerate(asked)}
    )
    theirs = write_run(tmp_path / "theirs", asked, {q.id: THEIRS for q in asked}, model="theirs")
    return ours, other_run(ours, theirs)
