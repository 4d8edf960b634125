import io

from train.recycling.progress import Progress
from train.recycling.status import Status


def shown(costs: tuple[float, float] | None, *statuses: Status) -> str:
    output = io.StringIO()
    with Progress(10, None if costs is None else lambda: costs, output) as progress:
        for status in statuses:
            progress.add(status)
    return output.getvalue()


def test_the_bar_counts_reflections_and_says_what_became_of_them() -> None:
    text = shown(None, Status.OK, Status.OK, Status.OK, Status.REFUSED)
    assert "4/10" in text
    assert "75.0 % ok, 25.0 % refused" in text
    assert "cost" not in text


def test_the_cost_is_told_with_what_it_will_be_in_the_end() -> None:
    assert "cost 2, in the end about 10" in shown((2.0, 2.0), Status.OK, Status.OK)


def test_what_former_sessions_paid_is_cost_and_no_forecast() -> None:
    assert "cost 8, in the end about 10" in shown((8.0, 2.0), Status.OK, Status.OK)


def test_what_is_spent_is_not_forecast_to_be_less() -> None:
    assert "cost 30, in the end about 30" in shown((30.0, 2.0), Status.OK, Status.OK)


def test_what_got_no_reply_is_not_done() -> None:
    text = shown((2.0, 2.0), Status.OK, Status.REFUSED, Status.API_ERROR, Status.SKIPPED)
    assert "cost 2, in the end about 10" in text


def test_before_the_first_reflection_nothing_is_forecast() -> None:
    text = shown((2.0, 0.0), Status.API_ERROR)
    assert "cost 2" in text
    assert "in the end" not in text
