import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from eval.errors import RunError
from eval.judges.filed_scores import scores_by_verdicts
from eval.running.digest import digest
from eval.running.rescoring import rescore
from eval.running.run_folder import RunFolder
from eval.tasks.pairwise import PAIRWISE
from tests.eval.judges.fake_judge import FakeJudge, by_prompt, honestly
from tests.eval.judges.runs import judged, pair


async def test_the_folder_alone_gives_the_same_digest(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(by_prompt(honestly)) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    moved = RunFolder(folder.path.rename(tmp_path / "elsewhere"))
    shutil.rmtree(tmp_path / "theirs")
    scores = scores_by_verdicts(moved, PAIRWISE)
    samples = moved.samples()
    assert {key: sample.score for key, sample in samples.items()} == scores
    assert digest(samples.values()) == moved.digest() == manifest["digest"]


async def test_an_answer_that_was_cut_off_is_judged_as_it_stands(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    with folder:
        for sample in folder.samples().values():
            turns = tuple(replace(turn, finish_reason="length") for turn in sample.turns)
            folder.append(replace(sample, turns=turns, flags=("length",)))
    async with FakeJudge(by_prompt(honestly)) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert manifest["scores"]["figures"]["win"] == 3
    assert list(rescore(folder, PAIRWISE).changes()) == []


async def test_an_answer_that_was_changed_has_no_verdict(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(by_prompt(honestly)) as judge:
        await judged(folder, PAIRWISE, judge.base_url, opponent)
    file = folder.path / "samples.jsonl"
    file.write_text(file.read_text().replace("It is 1.", "It is right."))
    scores = [score for score in scores_by_verdicts(folder, PAIRWISE).values() if score]
    assert sum("judge_error" in score.flags for score in scores) == 3


async def test_a_run_judged_with_other_prompts_is_not_scored_by_todays(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    assert scores_by_verdicts(folder, PAIRWISE) == {}
    async with FakeJudge(by_prompt(honestly)) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    folder.write_manifest(manifest | {"judge": manifest["judge"] | {"prompts_sha256": "0" * 64}})
    with pytest.raises(RunError, match="judged with other prompts"):
        scores_by_verdicts(folder, PAIRWISE)
