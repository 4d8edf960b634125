from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from client.turn import Failure, Turn
from eval.errors import RunError
from eval.question import Question
from eval.running.rescoring import rescore
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.score import Score, Scorer
from tests.eval import sums
from tests.eval.sums import SUMS

QUESTIONS = sums.read(sums.rows(3), [])


def half(question: Question, texts: Sequence[str]) -> Score:
    return Score(0.5, "half", "half", compat=1.0, details={"parts": (1, 2)})


def written(path: Path, compat: float | None = None) -> RunFolder:
    with RunFolder(path) as folder:
        folder.write_questions(QUESTIONS)
        for i, question in enumerate(QUESTIONS):
            turn = Turn(f"<thinking>#### 9</thinking><output>#### {2 * i}</output>")
            score = Score(1.0, str(2 * i), "####", compat=compat)
            sample = Sample(question.id, 0, "", "0" * 64, turns=(turn,), score=score)
            folder.append(sample)
        lost = Sample("sums-2", 0, "", "0" * 64, failure=Failure("no"), flags=("error",))
        folder.append(lost)
    return folder


def test_the_same_scorer_changes_nothing(tmp_path: Path) -> None:
    found = rescore(written(tmp_path), SUMS)
    assert list(found.changes()) == []
    assert found.now == found.filed


def test_another_scorer_s_scores_are_told_beside_the_filed_ones(tmp_path: Path) -> None:
    task = replace(SUMS, scorer=Scorer("half", 2, half))
    changes = list(rescore(written(tmp_path), task).changes())
    assert [(before.value, after.value) for before, after in changes] == [(1.0, 0.5)] * 2


def test_a_sample_without_a_reply_stays_without_a_score(tmp_path: Path) -> None:
    task = replace(SUMS, scorer=Scorer("half", 2, half))
    assert rescore(written(tmp_path), task).now["sums-2", 0].score is None


def test_a_reply_that_was_cut_off_stays_wrong(tmp_path: Path) -> None:
    task = replace(SUMS, scorer=Scorer("half", 2, half))
    folder = written(tmp_path)
    turn = Turn("#### 0", finish_reason="length")
    cut = Sample("sums-0", 0, "", "0" * 64, turns=(turn,), flags=("length",))
    with folder:
        folder.append(cut)
    assert rescore(folder, task).now["sums-0", 0].score == Score(0.0, compat=1.0)


def test_details_that_json_wrote_otherwise_are_no_change(tmp_path: Path) -> None:
    task = replace(SUMS, scorer=Scorer("half", 2, half))
    folder = written(tmp_path)
    with folder:
        for sample in rescore(folder, task).now.values():
            folder.append(sample)
    assert list(rescore(folder, task).changes()) == []


def test_lm_eval_s_scores_are_kept_where_it_is_not_installed(tmp_path: Path) -> None:
    found = rescore(written(tmp_path, compat=1.0), SUMS)
    assert found.lacks_compat
    assert list(found.changes()) == []


def test_a_sample_of_an_unknown_question_is_an_error(tmp_path: Path) -> None:
    folder = written(tmp_path)
    folder.write_questions(QUESTIONS[:1])
    with pytest.raises(RunError, match="that is not filed: 'sums-1'"):
        rescore(folder, SUMS)
