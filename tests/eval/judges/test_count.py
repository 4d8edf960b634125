import pytest

from eval.judges.count import Count


def test_the_last_count_is_shown_and_few_others(capsys: pytest.CaptureFixture[str]) -> None:
    count = Count()
    for done in range(1, 101):
        count.show(done, 100)
    assert capsys.readouterr().err == "verdicts 100/100\n"
