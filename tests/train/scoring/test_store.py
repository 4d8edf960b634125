import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from files.errors import LockError
from tests.train.scoring.students import make_samples
from train.scoring.encoding import Row
from train.scoring.scorer import Scorer
from train.scoring.shards import targets_of
from train.scoring.store import Scores
from train.scoring.target import Likelihood, Target

TARGET = Target("7/original/y", "", " text", beside="Hi")
FOUND = Likelihood(3, 4.5, "ok")


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    with Scores(tmp_path) as scores:
        scores.add(TARGET, FOUND, "me")
    assert Scores(tmp_path).find(TARGET, "me") == FOUND


@pytest.mark.parametrize(
    "other",
    [
        replace(TARGET, key="8/original/y"),
        replace(TARGET, target=" Text"),
        replace(TARGET, beside="Ho"),
        replace(TARGET, context="Hi"),
    ],
)
def test_a_line_holds_for_its_own_key_texts_and_scorer_alone(other: Target, tmp_path: Path) -> None:
    with Scores(tmp_path) as scores:
        scores.add(TARGET, FOUND, "me")
        assert scores.find(other, "me") is None
        assert scores.find(TARGET, "you") is None


def test_a_target_twice_is_one_line(tmp_path: Path) -> None:
    with Scores(tmp_path) as scores:
        scores.add(TARGET, FOUND, "me")
        scores.add(TARGET, Likelihood(3, 9.0, "ok"), "me")
    assert Scores(tmp_path).find(TARGET, "me") == FOUND
    assert len((tmp_path / "0.jsonl").read_text().splitlines()) == 1


def test_two_writers_of_one_shard_are_refused_and_of_two_are_not(tmp_path: Path) -> None:

    code = (
        "import sys; from pathlib import Path; from files.journal import Journal\n"
        "with Journal(Path(sys.argv[1])): pass"
    )
    with Scores(tmp_path, "a"):
        for shard, refused in (("a", True), ("b", False)):
            command = [sys.executable, "-c", code, str(tmp_path / f"{shard}.jsonl")]
            ended = subprocess.run(command, capture_output=True, text=True)
            assert (LockError.__name__ in ended.stderr) == refused


def test_a_cut_journal_goes_on_to_the_same_bytes(tmp_path: Path, scorer: Scorer) -> None:
    targets = [t for one in make_samples(12).items() for t in targets_of(*one, scorer.template)]
    with Scores(tmp_path / "whole") as scores:
        whole = scores.score(scorer, targets)
    lines = (tmp_path / "whole" / "0.jsonl").read_bytes()
    for cut in range(0, len(lines), len(lines) // 12):
        file = tmp_path / str(cut) / "0.jsonl"
        file.parent.mkdir()
        file.write_bytes(lines[:cut])
        with Scores(file.parent) as scores:
            assert scores.score(scorer, targets) == whole
        assert file.read_bytes() == lines


def test_a_second_call_computes_nothing(tmp_path: Path, scorer: Scorer) -> None:
    targets = [t for one in make_samples(3).items() for t in targets_of(*one, scorer.template)]
    batches: list[int] = []

    def count(batch: Sequence[Row]) -> None:
        batches.append(len(batch))

    with Scores(tmp_path) as scores:
        first = scores.score(scorer, targets, count)
        num_batches = len(batches)
        assert scores.score(scorer, targets, count) == first
    assert num_batches > 0
    assert len(batches) == num_batches
