from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from client.turn import Turn
from eval import rescore_command, verify_command
from eval.errors import RunError
from eval.question import Question
from eval.running.digest import digest
from eval.running.manifest import begin, finish
from eval.running.plan import make_plan
from eval.running.protocol import Protocol, Treatment
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.score import Score, Scorer
from eval.tasks.catalogue import CATALOGUE
from tests.eval import sums
from tests.eval.sums import SUMS


def strict(question: Question, texts: Sequence[str]) -> Score:
    """Take nothing but the number."""
    return Score(float(texts[-1] == question.gold), texts[-1], "alone")


STRICT = replace(SUMS, scorer=Scorer("sums", 2, strict))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Write a run of `sums` as it was scored by its first scorer."""
    monkeypatch.setitem(CATALOGUE, "sums", ("tests.eval.sums", "SUMS"))
    plan = make_plan(SUMS, Protocol(), Treatment(), sums.write(tmp_path, 4))
    with RunFolder(tmp_path / "demo") as folder:
        folder.write_questions(plan.questions)
        for i, question in enumerate(plan.questions):
            content = question.gold if i == 0 else f"#### {question.gold}"
            sha256 = plan.prompt_sha256[question.id]
            sample = Sample(question.id, 0, question.group, sha256, turns=(Turn(content),))
            folder.append(replace(sample, score=sums.score(question, [content])))
        manifest = begin(plan, "demo")
        samples = folder.samples().values()
        folder.write_manifest(finish(manifest, plan, samples, "finished", 1.0))
    return folder


def call(command: object, *paths: Path) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    return int(command.run(parser.parse_args(list(map(str, paths)))))  # type: ignore[attr-defined]


def use(monkeypatch: pytest.MonkeyPatch, scorer_of: str) -> None:
    monkeypatch.setitem(CATALOGUE, "sums", (__name__, scorer_of))


def test_old_replies_get_the_new_scores_in_a_folder_beside(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {file.name: file.read_bytes() for file in run.path.iterdir()}
    use(monkeypatch, "STRICT")
    assert call(rescore_command, run.path) == 0
    new = RunFolder(run.path.with_name("demo.rescored"))
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == old
    assert run.manifest["scores"]["robust"]["k"] == 3
    assert new.manifest["scores"]["robust"]["k"] == 1
    assert new.manifest["scorer"]["version"] == 2
    assert new.manifest["rescored"]["from"] == run.manifest["digest"]
    assert new.manifest["digest"] == new.digest()
    assert "4 of 4 samples are scored otherwise" in capsys.readouterr().out
    assert call(verify_command, new.path) == 0


def test_a_second_rescoring_has_a_folder_of_its_own(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, "STRICT")
    call(rescore_command, run.path)
    call(rescore_command, run.path)
    names = sorted(path.name for path in run.path.parent.iterdir() if path.is_dir())
    assert names == ["demo", "demo.rescored", "demo.rescored-2"]


def test_of_a_set_what_was_rescored_is_not_rescored_again(run: RunFolder) -> None:
    call(rescore_command, run.path.parent)
    call(rescore_command, run.path.parent)
    names = sorted(path.name for path in run.path.parent.iterdir() if path.is_dir())
    assert names == ["demo", "demo.rescored", "demo.rescored-2"]
    call(rescore_command, run.path.with_name("demo.rescored"))
    assert run.path.with_name("demo.rescored.rescored").exists()


def test_verify_says_which_scorer_and_which_samples_differ(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(verify_command, run.path) == 0
    use(monkeypatch, "STRICT")
    assert call(verify_command, run.path) == 1
    out = capsys.readouterr().out
    assert "the scorer's version was 1 and is 2 here" in out
    assert "sums-1, epoch 0: 1 ('2' by '####') -> 0 ('#### 2' by 'alone')" in out


def test_verify_finds_a_sample_that_is_missing(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run.path / "samples.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    assert call(verify_command, run.path.parent) == 1
    assert "the samples in the folder are not those of the manifest" in capsys.readouterr().out


def test_a_run_that_has_not_ended_is_named(run: RunFolder) -> None:
    manifest = run.manifest
    del manifest["digest"]
    run.write_manifest(manifest)
    for command in (verify_command, rescore_command):
        with pytest.raises(RunError, match="has not ended"):
            call(command, run.path)


def test_the_digest_is_of_the_samples(run: RunFolder) -> None:
    assert run.manifest["digest"] == digest(run.samples().values())
