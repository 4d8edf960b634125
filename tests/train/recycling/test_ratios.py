import math

from tests.train.recycling.fake_student import FAILED, TOO_LONG, FakeStudent
from train.recycling.ratios import Pair, Ratio, Ratios
from train.recycling.status import Status
from train.sample import Sample
from train.scoring.target import Likelihood

PAIRS = [Pair(f"s{n}/original", Sample(f"Say {n}.", f"It is {n}.", "Quick.")) for n in range(5)]


def ok(mean: float) -> Likelihood:
    return Likelihood(4, 4 * mean, "ok")


def test_the_ratio_is_of_perplexities() -> None:
    ratio = Ratio.of(ok(1.0), ok(2.0))
    assert ratio == Ratio(Status.OK, math.exp(-1.0), math.exp(2.0), math.exp(1.0))


def test_without_two_numbers_there_is_no_ratio_but_a_status() -> None:
    failed, too_long = Likelihood(0, 0.0, "failed"), Likelihood(0, 0.0, "too_long")
    assert Ratio.of(failed, ok(1.0)) == Ratio(Status.SCORE_FAILED)
    assert Ratio.of(ok(1.0), failed) == Ratio(Status.SCORE_FAILED)
    assert Ratio.of(too_long, too_long) == Ratio(Status.TOO_LONG)
    assert Ratio.of(ok(1e6), ok(1.0)) == Ratio(Status.SCORE_FAILED)


async def test_the_pairs_of_a_block_are_one_call_of_the_student() -> None:
    student = FakeStudent()
    ratios = Ratios(lambda: student)
    assert [one.status for one in await ratios.ifd(PAIRS)] == [Status.OK] * 5
    await ratios.rifd(PAIRS)
    assert [len(call) for call in student.calls] == [10, 10]


async def test_ifd_asks_for_the_response_and_rifd_for_instruction_and_input() -> None:
    student = FakeStudent()
    ratios = Ratios(lambda: student)
    await ratios.ifd(PAIRS[:1])
    await ratios.rifd(PAIRS[:1])
    (under, alone), (guessed, plain) = student.calls
    assert under.target == alone.target == "It is 0."
    assert "Say 0.\n\nQuick." in under.context
    assert guessed.target == plain.target == "Say 0.\n\nQuick."
    assert "It is 0." in guessed.context
    assert alone.context == plain.context == ""


async def test_each_ratio_belongs_to_its_pair() -> None:
    ratios = Ratios(FakeStudent)
    odd = [Pair("l", Sample("x", TOO_LONG)), *PAIRS[:1], Pair("f", Sample("x", FAILED))]
    found = await ratios.ifd(odd)
    assert [one.status for one in found] == [Status.TOO_LONG, Status.OK, Status.SCORE_FAILED]
    assert [one.value is None for one in found] == [True, False, True]


async def test_the_student_is_not_opened_for_nothing() -> None:
    opened: list[FakeStudent] = []

    def open_student() -> FakeStudent:
        opened.append(FakeStudent())
        return opened[-1]

    ratios = Ratios(open_student)
    assert await ratios.ifd([]) == []
    assert opened == []
    await ratios.ifd(PAIRS)
    await ratios.ifd(PAIRS)
    assert len(opened) == 1
