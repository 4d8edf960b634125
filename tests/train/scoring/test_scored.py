import json
import math
from pathlib import Path

import pytest

from tests.train.scoring.students import make_samples
from train.errors import DataError
from train.scoring.loading import identify
from train.scoring.scored import (
    Scored,
    collect,
    inputs_of,
    is_scored,
    read_scored,
    write_scored,
)
from train.scoring.scorer import Scorer
from train.scoring.shards import Work, score_shard
from train.scoring.target import Likelihood

OK, FAILED = Likelihood(10, 20.0, "ok"), Likelihood(0, 0.0, "failed")
INPUTS = {"samples_sha256": "1"}


def test_a_sample_has_both_ratios_of_its_four_likelihoods() -> None:
    one = Scored("1", (Likelihood(10, 10.0, "ok"), OK, Likelihood(10, 30.0, "ok"), OK))
    assert one.status == "ok"
    assert one.ifd == pytest.approx(math.exp(-1))
    assert one.rifd == pytest.approx(math.exp(1))


def test_a_failed_sample_has_a_status_and_none_for_a_number() -> None:
    one = Scored("1", (OK, OK, FAILED, OK))
    assert (one.status, one.ifd, one.rifd) == ("failed", 1.0, None)
    assert '"rifd": null' in json.dumps(one.to_dict(), allow_nan=False)


def test_scored_samples_come_back_as_written(tmp_path: Path) -> None:
    scored = [Scored("1", (OK,) * 4), Scored("2", (OK, OK, OK, FAILED))]
    write_scored(tmp_path / "scored.jsonl", scored, INPUTS)
    assert read_scored(tmp_path / "scored.jsonl") == scored
    manifest = json.loads((tmp_path / "scored.json").read_text())
    assert manifest["statuses"] == {"ok": 1, "failed": 1}


def test_the_manifest_has_the_counts_of_the_rows_if_there_are_any(tmp_path: Path) -> None:
    for counts in (None, {"rows": 3, "duplicates": 1}):
        write_scored(tmp_path / "scored.jsonl", [Scored("1", (OK,) * 4)], INPUTS, counts)
        assert json.loads((tmp_path / "scored.json").read_text()).get("counts") == counts


def test_a_file_is_done_only_whole_and_of_the_same_inputs(tmp_path: Path) -> None:
    file = tmp_path / "scored.jsonl"
    assert not is_scored(file, INPUTS)
    write_scored(file, [Scored("1", (OK,) * 4)], INPUTS)
    assert is_scored(file, INPUTS)
    assert not is_scored(file, {"samples_sha256": "2"})
    file.write_bytes(file.read_bytes()[:-1])
    assert not is_scored(file, INPUTS)


def test_samples_stand_in_their_order_whatever_their_shards(tmp_path: Path, scorer: Scorer) -> None:
    samples = make_samples(9)
    work = Work.of(scorer.settings, tmp_path, samples)
    identity = identify(scorer.settings)
    with pytest.raises(DataError, match="lacks a score"):
        collect(work, identity)
    for number in range(scorer.settings.shards):
        score_shard(work, number, scorer)
    assert [one.id for one in collect(work, identity)] == list(samples)
    other = Work.of(scorer.settings, tmp_path, dict(list(samples.items())[1:]))
    assert inputs_of(work, identity) != inputs_of(other, identity)
