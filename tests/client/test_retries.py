import time
from email.utils import formatdate

import pytest

from client.retries import Retries, is_temporary, retry_after_s


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_these_pass_by(status: int) -> None:
    assert is_temporary(status)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422])
def test_these_do_not(status: int) -> None:
    assert not is_temporary(status)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("2", 2.0), (" 0.25 ", 0.25), ("-3", 0.0), ("soon", None), ("", None), ("nan", 0.0)],
)
def test_a_pause_is_told_in_seconds(told: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": told}) == seconds


def test_a_pause_is_told_as_a_date() -> None:
    told = retry_after_s({"Retry-After": formatdate(time.time() + 30, usegmt=True)})
    assert told is not None
    assert 28 < told <= 30


def test_a_date_that_is_past_is_no_pause() -> None:
    assert retry_after_s({"Retry-After": formatdate(time.time() - 30, usegmt=True)}) == 0


def test_no_header_tells_nothing() -> None:
    assert retry_after_s({}) is None


def test_pauses_double_with_jitter_and_are_bounded() -> None:
    retries = Retries(first_pause_s=1.0, max_pause_s=10.0)
    for attempt, longest_s in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (60, 10)):
        pauses_s = {retries.pause_s(attempt, None) for _ in range(50)}
        assert longest_s / 2 <= min(pauses_s) < max(pauses_s) <= longest_s


def test_a_told_pause_is_never_cut_short_but_bounded() -> None:
    retries = Retries(max_pause_s=10.0)
    assert all(2 <= retries.pause_s(5, 2.0) <= 2.2 for _ in range(50))
    assert all(300 <= retries.pause_s(1, 300.0) <= 330 for _ in range(50))
    assert retries.pause_s(1, 3600.0) == 600
