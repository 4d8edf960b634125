from datasets import Dataset, Features, List, Value

from train.building.dataset import MASKED
from train.fine_tuning.holdout import fill_up

FEATURES = Features({name: List(Value("int32")) for name in ("input_ids", "labels")})


def dataset(num_rows: int) -> Dataset:
    rows = [{"input_ids": [1, 2, at], "labels": [MASKED, 2, at]} for at in range(num_rows)]
    return Dataset.from_list(rows, FEATURES)


def test_the_last_batch_is_filled_up_with_rows_that_do_not_count() -> None:
    filled = fill_up(dataset(5), 4)
    assert len(filled) == 8
    assert filled.features == FEATURES
    assert filled.to_list()[:5] == dataset(5).to_list()
    assert filled.to_list()[5:] == [{"input_ids": [1, 2, 0], "labels": [MASKED] * 3}] * 3


def test_whole_batches_and_no_rows_stay_as_they_are() -> None:
    assert len(fill_up(dataset(8), 4)) == 8
    assert len(fill_up(dataset(8).select([]), 4)) == 0
