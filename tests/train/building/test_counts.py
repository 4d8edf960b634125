import numpy as np

from train.building.counts import Counts
from train.building.dataset import MASKED, Row

KINDS = [0, 0, 1, 2, 3, 3, 4, 1, 5, 5]  # prompt, think, wrong, reflection, redo, think, output


def row(kinds: list[int], copy: int = 0, first: int = 2) -> Row:
    """Return a row whose labels begin at `first`, the wrong tokens masked."""
    ids = np.arange(len(kinds), dtype=np.int32)
    codes = np.array(kinds, np.int8)
    labels = np.where((ids >= first) & (codes != 2), ids, MASKED).astype(np.int32)
    return Row("id", "f", copy, ids, labels, codes)


def test_tokens_are_counted_by_kind_learned_and_in_all() -> None:
    counts = Counts()
    counts.add("train", row(KINDS), 2)
    counts.add("holdout", row(KINDS, copy=1, first=4), 0)
    told = counts.to_dict()
    assert told["rows"] == {"train": 1, "holdout": 1}
    assert (told["second_copies"], told["straddling_tokens"]) == (1, 2)
    assert (told["tokens"], told["loss_tokens"], told["loss_share"]) == (20, 13, 0.65)
    assert told["by_kind"]["think"] == {"tokens": 4, "loss_tokens": 3}
    assert told["by_kind"]["wrong"] == {"tokens": 2, "loss_tokens": 0}
    assert told["by_kind"]["prompt"] == {"tokens": 4, "loss_tokens": 0}


def test_lengths_are_those_of_the_halves_of_first_copies() -> None:
    counts = Counts()
    for copy in (0, 1):
        counts.add("train", row(KINDS, copy), 0)
    lengths = counts.to_dict()["lengths"]
    assert {name: found["p50"] for name, found in lengths.items()} == {
        "all": 10,
        "thinking": 6,
        "output": 2,
        "reflections": 1,
    }


def test_reflections_apart_are_several_and_a_long_one_is_one() -> None:
    counts = Counts()
    counts.add("train", row([0, 1, 3, 3, 3, 4, 3, 1, 5]), 0)
    assert counts.to_dict()["lengths"]["reflections"]["p100"] == 2


def test_a_percentile_is_a_length_that_holds_that_share() -> None:
    counts = Counts()
    for length in range(1, 101):
        counts.add("train", row([5] * length), 0)
    found = counts.to_dict()["lengths"]["output"]
    assert found == {"p25": 25, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "p100": 100}


def test_of_nothing_there_is_no_share() -> None:
    told = Counts().to_dict()
    assert told["loss_share"] is None
    assert told["lengths"]["all"] == {}
