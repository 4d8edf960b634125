import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from client.turn import Failure, Turn
from eval.errors import RunError
from eval.question import Question
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.score import Score

SHOTS = ({"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"})
QUESTIONS = [
    Question("b", ("2 + 2?",), "4", context=SHOTS, row={"level": 3}),
    Question("a", ("3 + 3?", "and 1 more?"), ["6", "7"], group="sums", context=SHOTS),
    Question("c", ("4 + 4?",), {"value": 8}),
]
SAMPLE = Sample(
    id="b",
    epoch=0,
    group="",
    prompt_sha256="0" * 64,
    turns=(Turn("<output>4</output>", None, "stop", {"completion_tokens": 3}, 0.5, "fp"),),
    score=Score(1.0, "4", "last number", 1.0, {"part": [1, 0]}, ("odd",)),
    flags=("odd",),
)
LOST = Sample("a", 0, "sums", "1" * 64, failure=Failure("bad request", 400), flags=("error",))


def test_questions_come_back_in_order_and_a_shared_context_stands_there_once(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_questions(QUESTIONS)
    assert list(folder.questions().values()) == QUESTIONS
    assert (tmp_path / "run" / "questions.jsonl").read_text().count("1 + 1?") == 1


def test_samples_come_back_as_they_were_and_the_last_of_a_key_wins(tmp_path: Path) -> None:
    answered = replace(LOST, failure=None, turns=(Turn("6"), Turn("7")), flags=())
    other_epoch = replace(SAMPLE, epoch=1)
    with RunFolder(tmp_path) as folder:
        for sample in (SAMPLE, LOST, other_epoch, answered):
            folder.append(sample)
    assert RunFolder(tmp_path).samples() == {
        ("b", 0): SAMPLE,
        ("a", 0): answered,
        ("b", 1): other_epoch,
    }


def test_a_line_that_is_no_sample_is_named(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(RunError, match="line 1: not a sample"):
        RunFolder(tmp_path).samples()


@pytest.mark.parametrize(
    "edit",
    [
        {"id": 5},
        {"id": ["b"]},
        {"group": None},
        {"epoch": "0"},
        {"flags": None},
        {"turns": "abc"},
        {"turns": [{"content": None}]},
        {"turns": [{"content": "\ud800"}]},
        {"turns": [{"content": "4", "latency_s": "x"}]},
        {"turns": [{"content": "4", "usage": [1]}]},
        {"score": {"value": "1", "flags": []}},
        {"score": {"value": float("nan"), "flags": []}},
    ],
)
def test_an_edited_line_of_another_form_is_named(tmp_path: Path, edit: dict[str, Any]) -> None:
    lines = [json.dumps(SAMPLE.to_dict() | change) + "\n" for change in ({}, edit)]
    (tmp_path / "samples.jsonl").write_text("".join(lines))
    with pytest.raises(RunError, match="line 2: not a sample"):
        RunFolder(tmp_path).samples()


@pytest.mark.parametrize(
    "line",
    [{}, {"question": {}}, {"question": {"id": "a", "turns": ["b"], "context": "unknown"}}],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: dict[str, Any]) -> None:
    (tmp_path / "questions.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(RunError, match="line 1: not a question"):
        RunFolder(tmp_path).questions()


def test_a_folder_without_a_manifest_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"it has no manifest\.json"):
        _ = RunFolder(tmp_path / "none").manifest


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1, "task": 3}'])
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RunError, match=r"manifest\.json"):
        _ = RunFolder(tmp_path).manifest


def test_a_manifest_is_replaced_whole_and_leaves_no_other_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_manifest({"format": 1, "task": "sums", "model": "demo", "note": "é"})
    folder.write_manifest({"format": 1, "task": "sums", "model": "demo"})
    assert folder.manifest == {"format": 1, "task": "sums", "model": "demo"}
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.json"]
