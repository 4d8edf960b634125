import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.turn import Failure, Turn
from eval.running.manifest import begin, finish
from eval.running.plan import make_plan
from eval.running.protocol import Protocol, Treatment
from eval.running.rescoring import rescore
from eval.running.run_folder import RunFolder
from eval.running.verification import differing, faults
from eval.sample import Sample, flags_of
from tests.eval import sums
from tests.eval.sums import SUMS

Edit = Callable[[dict[str, Any]], Any]
USAGE = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Write a run of four questions: a right reply, a wrong one, an empty one, an error."""
    plan = make_plan(SUMS, Protocol(), Treatment(), sums.write(tmp_path, 4))
    contents = ["#### 0", "#### 3", "", None]
    with RunFolder(tmp_path / "demo") as folder:
        folder.write_questions(plan.questions)
        for question, content in zip(plan.questions, contents, strict=True):
            turns = () if content is None else (Turn(content, None, "stop", USAGE, 0.25),)
            failure = Failure("no", 400) if content is None else None
            score = None if failure else sums.score(question, [turn.content for turn in turns])
            sha256 = plan.prompt_sha256[question.id]
            flags = flags_of(turns, failure)
            folder.append(
                Sample(question.id, 0, question.group, sha256, turns, failure, 1, score, flags)
            )
        samples = folder.samples().values()
        folder.write_manifest(finish(begin(plan, "demo"), plan, samples, "finished", 1.0))
    return folder


def found(run: RunFolder) -> list[str]:
    return list(faults(run, SUMS, rescore(run, SUMS)))


def rewrite(file: Path, number: int, edit: Edit) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    edit(lines[number])
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_nothing_differs_in_a_run_as_it_was_written(run: RunFolder) -> None:
    assert found(run) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: line["turns"][0].update(content="#### 2"),
        lambda line: line["turns"][0].update(finish_reason="length"),
        lambda line: line["turns"][0].update(latency_s=0.125),
        lambda line: line["turns"][0]["usage"].update(completion_tokens=1),
        lambda line: line["score"].update(value=1.0),
        lambda line: line["score"].update(extracted="2"),
        lambda line: line.update(score=None),
        lambda line: line.update(flags=["length"]),
        lambda line: line.update(failure={"message": "no", "status": 400}),
        lambda line: line.update(group="another"),
        lambda line: line.update(epoch=1),
        lambda line: line.update(prompt_sha256="0" * 64),
    ],
)
def test_a_changed_sample_is_found(run: RunFolder, edit: Edit) -> None:
    rewrite(run.path / "samples.jsonl", 1, edit)
    assert found(run)


@pytest.mark.parametrize(
    "edit",
    [
        lambda question: question.update(turns=["What is 1 - 1?"]),
        lambda question: question.update(group="another"),
        lambda question: question.update(gold="3"),
    ],
)
def test_a_changed_question_is_found(run: RunFolder, edit: Edit) -> None:
    rewrite(run.path / "questions.jsonl", 1, lambda line: edit(line["question"]))
    assert found(run)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda told: told["scores"]["robust"].update(value=0.99), "scores.robust.value"),
        (lambda told: told["scores"]["robust"].update(k=3), "scores.robust.k"),
        (lambda told: told["counts"].update(error=0), "counts.error"),
        (lambda told: told["tokens"].update(completion=1), "tokens.completion"),
        (lambda told: told["latency_s"].update(p95=0.01), "latency_s.p95"),
        (lambda told: told.pop("scores"), "scores"),
        (lambda told: told["protocol"].update(system="Cheat."), "system prompt"),
        (lambda told: told["protocol"].update(prompts_sha256="0" * 64), "questions"),
        (lambda told: told["data"].update(ids_sha256="0" * 64), "ids of the questions"),
        (lambda told: told.update(digest="0" * 64), "not those of the manifest"),
    ],
)
def test_a_changed_manifest_is_found(run: RunFolder, edit: Edit, said: str) -> None:
    manifest = run.manifest
    edit(manifest)
    run.write_manifest(manifest)
    assert any(said in line for line in found(run))


def test_what_an_older_manifest_did_not_tell_and_the_last_digit_are_no_difference() -> None:
    told = {"a": 0.1, "b": [{"c": 1}, 0.3]}
    fresh = {"a": 0.1 + 1e-16, "b": [{"c": 1}, 0.1 + 0.2], "new": 3}
    assert list(differing(told, fresh)) == []
    assert list(differing(told, fresh | {"a": 0.100001})) == ["a"]
    assert list(differing(told, {"a": 0.1})) == ["b"]
