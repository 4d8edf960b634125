import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.train.scoring.students import make_samples
from train.errors import TrainError
from train.scoring.encoding import Row
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.shards import targets_of
from train.scoring.store import Scores
from train.scoring.target import Likelihood, Target

SAMPLES = make_samples(8)


@pytest.fixture
def small(student_folder: Path) -> Scorer:
    """A student of the test's own, whose model it may change."""
    return Scorer(Score(model=str(student_folder), device="cpu", token_budget=2048))


def targets(scorer: Scorer) -> list[Target]:
    return [target for one in SAMPLES.items() for target in targets_of(*one, scorer.template)]


def batch_of(scorer: Scorer) -> Sequence[Row]:
    batch = next(iter(scorer.plan([scorer.student.encoder.encode(t) for t in targets(scorer)])))
    assert len(batch) > 4
    return batch


class Memory:
    """Makes a model run out of memory on batches of more rows, with a tensor in its hands."""

    def __init__(self, model: torch.nn.Module, num_rows: int) -> None:
        self.num_rows, self.held = num_rows, list[weakref.ref[torch.Tensor]]()
        self.num_alive: list[int] = []
        model.register_forward_pre_hook(self._allocate, with_kwargs=True)

    def _allocate(self, _: object, __: object, given: dict[str, torch.Tensor]) -> None:
        self.num_alive.append(sum(ref() is not None for ref in self.held))
        held = torch.zeros(9)
        self.held.append(weakref.ref(held))
        if len(given["input_ids"]) > self.num_rows:
            raise torch.OutOfMemoryError("a batch too large")


def sums(found: Sequence[Likelihood]) -> list[float]:
    return [one.sum_nll for one in found]


def test_a_batch_without_memory_is_scored_in_parts(small: Scorer) -> None:
    batch = batch_of(small)
    whole = small.student.score(batch)
    memory = Memory(small.student.model.base_model, num_rows=1)
    assert sums(small.student.score(batch)) == pytest.approx(sums(whole), rel=1e-5)
    assert len(memory.held) > len(batch)


def test_what_ran_out_of_memory_holds_none_when_its_parts_are_scored(small: Scorer) -> None:
    memory = Memory(small.student.model.base_model, num_rows=1)
    small.student.score(batch_of(small))
    assert set(memory.num_alive) == {0}


def test_a_sequence_without_memory_ends_the_run_and_is_scored_by_one_with_more(
    small: Scorer, student_folder: Path, tmp_path: Path
) -> None:
    memory = Memory(small.student.model.base_model, num_rows=0)
    with (
        Scores(tmp_path) as scores,
        pytest.raises(TrainError, match=r"cpu has no memory for a sequence of \d+ tokens"),
    ):
        scores.score(small, targets(small))
    memory.num_rows = 1
    with Scores(tmp_path) as scores:
        assert {one.status for one in scores.score(small, targets(small))} == {"ok"}
