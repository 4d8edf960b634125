import json
import os
from pathlib import Path
from typing import Any

import pytest

from train.errors import DataError
from train.sample import Sample
from train.samples import Seed, prepare_samples, read_samples, read_seeds, told_counts
from train.settings import Data, Run, Source


def write(file: Path, *texts: str) -> Path:
    rows = [{"instruction": text, "input": "", "output": f"{text}!"} for text in texts]
    file.write_text(json.dumps(rows))
    return file


def prepare(folder: Path, *sources: Source, **others: Any) -> tuple[dict[str, Any], list[Seed]]:
    run = Run("test", folder / "run")
    return prepare_samples(run, Data(sources, **others)), list(read_seeds(run.dir))


def numbered(file: Path, num: int = 200) -> Path:
    return write(file, *map(str, range(num)))


def test_samples_come_back_with_their_ids_and_source(tmp_path: Path) -> None:
    _, seeds = prepare(tmp_path, Source("alpaca", write(tmp_path / "a.json", "One", "Two")))
    samples = [Sample("One", "One!", source="a.json"), Sample("Two", "Two!", source="a.json")]
    assert [seed.sample for seed in seeds] == samples
    assert [seed.id for seed in seeds] == [sample.id for sample in samples]


def test_the_same_sample_in_two_files_is_one_and_counted(tmp_path: Path) -> None:
    first = Source("alpaca", write(tmp_path / "a.json", "One", "Two", "One"))
    second = Source("alpaca", write(tmp_path / "b.json", "Two", "Three", ""))
    manifest, seeds = prepare(tmp_path, first, second)
    assert [seed.sample.source for seed in seeds] == ["a.json", "a.json", "b.json"]
    assert manifest["counts"] == [
        {"source": "a.json", "rows": 3, "samples": 2, "duplicates": 1},
        {
            "source": "b.json",
            "rows": 3,
            "samples": 1,
            "duplicates": 1,
            "unusable": 1,
            "unusable: empty instruction": 1,
        },
    ]


def test_a_file_is_read_with_the_counts_of_its_rows(tmp_path: Path) -> None:
    samples, counts = read_samples(Source("alpaca", write(tmp_path / "a.json", "One", "One", "")))
    assert [sample.instruction for sample in samples.values()] == ["One"]
    assert told_counts(counts) == (
        "a.json: 1 samples (1 duplicates, 1 unusable: empty instruction)"
    )


@pytest.mark.parametrize("limit", [0, 9])
def test_of_equal_samples_the_first_counts(tmp_path: Path, limit: int) -> None:
    rows = [{"instruction": text, "response": "So."} for text in ("Why?", "Why? ", " Why?")]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = Source("jsonl", tmp_path / "seeds.jsonl", limit)
    manifest = prepare_samples(Run("test", tmp_path / "run"), Data((source,)))
    (seed,) = read_seeds(tmp_path / "run")
    assert seed.sample.instruction == "Why?"
    assert manifest["counts"][0]["duplicates"] == 2


def test_a_limit_takes_the_samples_of_the_least_ids_whatever_their_order(tmp_path: Path) -> None:
    forward = numbered(tmp_path / "a.json")
    backward = write(tmp_path / "b.json", *reversed(list(map(str, range(200)))))
    _, every = prepare(tmp_path, Source("alpaca", forward))
    manifest, some = prepare(tmp_path, Source("alpaca", forward, 20))
    _, same = prepare(tmp_path, Source("alpaca", backward, 20))
    least = sorted(seed.id for seed in every)[:20]
    assert [seed.id for seed in some] == least
    assert [seed.id for seed in same] == least
    assert manifest["counts"][0]["over the limit"] == 180


def test_the_held_out_are_the_same_after_samples_are_added(tmp_path: Path) -> None:
    def held(num: int) -> set[str]:
        source = Source("alpaca", numbered(tmp_path / "a.json", num))
        manifest, seeds = prepare(tmp_path, source, holdout=0.2)
        found = {seed.sample.instruction for seed in seeds if seed.split == "holdout"}
        assert manifest["num_holdout"] == len(found)
        return found

    few, many = held(200), held(400)
    assert few == {text for text in many if int(text) < 200}
    assert 20 < len(few) < 60


def test_what_is_there_is_not_written_again_unless_the_data_changed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", "One")
    prepare(tmp_path, Source("alpaca", file))
    lines = tmp_path / "run" / "samples.jsonl"
    os.utime(lines, (1, 1))
    prepare(tmp_path, Source("alpaca", file))
    assert lines.stat().st_mtime == 1
    _, seeds = prepare(tmp_path, Source("alpaca", write(file, "Two")))
    assert [seed.sample.instruction for seed in seeds] == ["Two"]


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        prepare(tmp_path, Source("alpaca", tmp_path / "none.json"))


def test_nothing_to_start_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wants sources"):
        prepare(tmp_path)
    with pytest.raises(DataError, match="no sample at all"):
        prepare(tmp_path, Source("alpaca", write(tmp_path / "a.json", "")))
    with pytest.raises(DataError, match="`reflect train recycle` writes it"):
        list(read_seeds(tmp_path))


def test_the_real_alpaca_subset_is_read_whole(tmp_path: Path) -> None:
    data = os.environ.get("REFLECT_EVAL_DATA")
    if not data:
        pytest.skip("REFLECT_EVAL_DATA names no folder of real data")
    file = Path(data) / "alpaca_cherry_5pct" / "cherry_alpaca_5_percent.jsonl.gz"
    manifest, seeds = prepare(tmp_path, Source("alpaca", file))
    (counts,) = manifest["counts"]
    assert counts["rows"] == 3111
    assert len(seeds) + counts.get("duplicates", 0) + counts.get("unusable", 0) == 3111
