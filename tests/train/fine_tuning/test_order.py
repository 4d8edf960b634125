from itertools import chain

import numpy as np
import pytest

from train.fine_tuning.order import Order

LENGTHS = np.random.default_rng(0).integers(10, 500, 100)


def order(**changes: object) -> Order:
    values = {
        "lengths": LENGTHS,
        "batch": 20,
        "micro_batch": 4,
        "epochs": 2,
        "seed": 1,
        "window": 3,
    }
    return Order(**{**values, **changes})  # type: ignore[arg-type]


def test_every_epoch_has_every_sample_once() -> None:
    samples = list(chain.from_iterable(order(window=1)))
    assert sorted(samples[:100]) == sorted(samples[100:]) == list(range(100))
    assert samples[:100] != samples[100:]


def test_the_last_batch_is_filled_up_so_that_all_are_equally_large() -> None:
    made = order(batch=32, epochs=1)
    batches = list(made.batches())
    assert len(batches) == made.num_steps == 4
    assert {len(batch) for batch in batches} == {32}
    assert set(np.concatenate(batches).tolist()) == set(range(100))


def test_a_part_of_an_epoch_takes_a_part_of_the_samples() -> None:
    assert order(epochs=0.4).num_steps == 2
    assert order(epochs=0.001).num_steps == 1


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    assert list(order()) == list(order())
    assert list(order()) != list(order(seed=2))


def test_its_length_is_the_number_of_its_micro_batches() -> None:
    assert len(order()) == len(list(order())) == 50


@pytest.mark.parametrize("micro_batch", [1, 2, 5, 20])
def test_what_a_step_learns_from_does_not_depend_on_the_micro_batch(micro_batch: int) -> None:
    expected = [sorted(batch.tolist()) for batch in order().batches()]
    micros = list(order(micro_batch=micro_batch))
    each = 20 // micro_batch
    steps = [
        sorted(chain.from_iterable(micros[at : at + each])) for at in range(0, len(micros), each)
    ]
    assert steps == expected


def test_a_wider_window_pads_less() -> None:
    shares = [order(window=window).padding_share for window in (1, 5)]
    assert shares[0] > shares[1] > 0


def test_the_batches_of_a_window_come_in_random_order_of_length() -> None:
    means = [LENGTHS[batch].mean() for batch in order(window=10).batches()]
    assert means != sorted(means)
    assert means != sorted(means, reverse=True)


def test_a_seed_beyond_32_bits_is_a_seed() -> None:
    assert len(list(order(seed=2**40))) == 50
