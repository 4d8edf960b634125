from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from client.endpoint import Endpoint
from client.retries import Retries
from tests.train.recycling.fake_student import FAILED, TOO_LONG, FakeStudent
from tests.train.recycling.scripted_teacher import better_answer, new_answer, new_instruction
from train.recycling.calls import Calls
from train.recycling.ratios import Ratios
from train.recycling.recycled import Recycled
from train.recycling.recycling import Recycling
from train.recycling.settings import Recycle, Teacher
from train.recycling.status import Status
from train.recycling.teacher import Teacher as Asking
from train.sample import Sample
from train.samples import Seed
from train.scoring.target import Likelihood, Target

WELL = [f"fate=well {number}" for number in range(40)]


def seed(instruction: str, given: str = "") -> Seed:
    sample = Sample(instruction, "So.", given)
    return Seed(sample.id, sample, "train")


class Preferring(FakeStudent):
    """Finds both ratios of a text low or high by a word in it, always below 1."""

    def __init__(self, new_instructions: bool, better_answers: bool) -> None:
        super().__init__()
        self.new_instructions, self.better_answers = new_instructions, better_answers

    def _likelihood(self, target: Target, company: int) -> Likelihood:
        _, variant, quantity = target.key.split("/")
        means = {"y": 2.0, "x": 2.0, "y|x": 1.2, "x|y": 1.2}
        if quantity == "y|x" and variant == "instruction":
            means["y|x"] = 1.6 if self.new_instructions else 0.8
        if quantity == "x|y" and variant in {"response", "both"}:
            means["x|y"] = 1.0 if self.better_answers else 1.5
        return Likelihood(10, 10 * means[quantity], "ok")


@asynccontextmanager
async def recycling(
    folder: Path, url: str, settings: Recycle, student: FakeStudent | None = None
) -> AsyncIterator[Recycling]:
    async with Endpoint(url, "scripted", None, 16, 0.5, Retries(first_pause_s=0.001)) as endpoint:
        with Calls(folder / "journal.jsonl") as calls:
            teacher = Asking(endpoint, calls, Teacher())
            ratios = Ratios(lambda: student or FakeStudent())
            yield Recycling(teacher, None if settings.method == "all" else ratios, settings)


async def recycle(
    folder: Path, url: str, *names: str, student: FakeStudent | None = None, **settings: object
) -> list[Recycled]:
    chosen = Recycle(**settings)  # type: ignore[arg-type]
    async with recycling(folder, url, chosen, student) as made:
        return await made.recycle([seed(name) for name in names])


@pytest.mark.parametrize(
    ("new_instructions", "better_answers", "chosen"),
    [
        (True, True, "both"),
        (True, False, "instruction"),
        (False, True, "response"),
        (False, False, "original"),
    ],
)
async def test_the_student_chooses_each_half(
    tmp_path: Path, faulty_url: str, new_instructions: bool, better_answers: bool, chosen: str
) -> None:
    student = Preferring(new_instructions, better_answers)
    (one,) = await recycle(tmp_path, faulty_url, WELL[0], student=student)
    assert one.chosen == chosen
    assert one.status == Status.OK
    assert one.decisions["instruction"].is_accepted == new_instructions
    assert one.decisions["response"].is_accepted == better_answers


async def test_the_better_answer_is_of_the_pair_that_was_chosen(
    tmp_path: Path, faulty_url: str
) -> None:
    new = new_instruction(WELL[0])
    (both,) = await recycle(tmp_path, faulty_url, WELL[0], student=Preferring(True, True))
    assert both.variants["both"] == Sample(new, better_answer(new_answer(new)))
    (other,) = await recycle(tmp_path, faulty_url, WELL[0], student=Preferring(False, True))
    assert other.variants["response"] == Sample(WELL[0], better_answer("So."))


async def test_where_all_is_accepted_the_second_reflection_is_on_the_result_of_the_first(
    tmp_path: Path, faulty_url: str
) -> None:
    (one,) = await recycle(tmp_path, faulty_url, WELL[0], method="all")
    new = new_instruction(WELL[0])
    assert (one.chosen, one.variants["both"].instruction) == ("both", new)
    assert one.variants["both"].response == better_answer(new_answer(new))
    assert one.ifd == one.rifd == {}


async def num_calls_and_passes(
    folder: Path, url: str, student: FakeStudent, mode: str
) -> tuple[int, int]:
    (one,) = await recycle(folder, url, WELL[0], student=student, mode=mode)
    passes = {(t.context, t.target) for call in student.calls for t in call}
    return len(one.calls), len(passes)


async def test_the_lazy_order_takes_two_calls_and_seven_to_nine_passes(
    tmp_path: Path, faulty_url: str
) -> None:
    counted = [
        await num_calls_and_passes(tmp_path / f"{new}{better}", faulty_url, student, "exact")
        for new in (False, True)
        for better in (False, True)
        for student in [Preferring(new, better)]
    ]
    assert counted == [(2, 7), (2, 9), (2, 7), (2, 9)]


async def test_as_published_it_takes_three_calls_and_sixteen_passes(
    tmp_path: Path, faulty_url: str
) -> None:
    student = Preferring(True, True)
    num_calls, _ = await num_calls_and_passes(tmp_path / "run", faulty_url, student, "faithful")
    keys = {target.key for call in student.calls for target in call}
    assert (num_calls, len(keys)) == (3, 16)  # some are equal, and scored once


async def test_both_modes_choose_the_same(tmp_path: Path, faulty_url: str) -> None:
    class Alone(FakeStudent):
        def _likelihood(self, target: Target, company: int) -> Likelihood:
            return super()._likelihood(target, 0)

    names = [f"topic {number}" for number in range(120)]
    exact = await recycle(tmp_path, faulty_url, *names, student=Alone())
    faithful = await recycle(tmp_path, faulty_url, *names, student=Alone(), mode="faithful")
    found = [(one.chosen, one.variants[one.chosen], one.status) for one in exact]
    assert found == [(one.chosen, one.variants[one.chosen], one.status) for one in faithful]
    assert {one.chosen for one in exact} == {"original", "instruction", "response", "both"}


async def test_one_half_of_a_pair_never_stands_with_the_other_half_of_another(
    tmp_path: Path, faulty_url: str
) -> None:
    (one,) = await recycle(tmp_path, faulty_url, "fate=half x", method="all")
    assert set(one.variants) == {"original", "response"}
    assert one.status == Status.PARSE_FAILED
    assert one.variants["response"].instruction == "fate=half x"


@pytest.mark.parametrize("mode", ["exact", "faithful"])
@pytest.mark.parametrize(
    ("instruction", "status"),
    [
        ("fate=unmarked x", Status.PARSE_FAILED),
        ("fate=nested x", Status.PARSE_FAILED),
        ("fate=truncated x", Status.TRUNCATED),
        ("fate=refused x", Status.REFUSED),
        ("fate=filtered x", Status.REFUSED),
        ("fate=too_long x", Status.TOO_LONG),
        ("fate=dead x", Status.API_ERROR),
        (f"fate=well x {TOO_LONG}", Status.TOO_LONG),
        (f"fate=well x {FAILED}", Status.SCORE_FAILED),
    ],
)
async def test_what_goes_wrong_is_the_status_and_the_original_stays(
    tmp_path: Path, faulty_url: str, instruction: str, status: Status, mode: str
) -> None:
    (one,) = await recycle(tmp_path, faulty_url, instruction, mode=mode)
    assert one.status == status
    assert one.chosen == "original"


async def test_after_a_call_without_reply_nothing_that_follows_from_it_is_asked(
    tmp_path: Path, faulty_url: str
) -> None:
    (one,) = await recycle(tmp_path, faulty_url, "fate=dead x")
    assert one.is_stopped
    assert set(one.calls) == {"instruction"}


@pytest.mark.parametrize(("new_instructions", "waits_for"), [(True, None), (False, "api_error")])
async def test_as_published_only_a_call_on_the_way_to_the_result_is_waited_for(
    tmp_path: Path, faulty_url: str, new_instructions: bool, waits_for: str | None
) -> None:
    student = Preferring(new_instructions, True)
    (one,) = await recycle(
        tmp_path, faulty_url, "fate=old_dead x", student=student, mode="faithful"
    )
    assert one.calls["response"].status == Status.API_ERROR
    assert one.waits_for == waits_for
    assert one.chosen == ("both" if new_instructions else "original")


async def test_the_input_is_part_of_what_is_reflected_on(tmp_path: Path, faulty_url: str) -> None:
    async with recycling(tmp_path, faulty_url, Recycle(method="all")) as made:
        (one,) = await made.recycle([seed("fate=well x", "the input")])
    assert one.variants["instruction"].input == ""  # the new instruction is complete in itself
    journal = (tmp_path / "journal.jsonl").read_text()
    assert "[Input]\\nthe input\\n[End of Input]" in journal


async def test_each_reflection_is_told(tmp_path: Path, faulty_url: str) -> None:
    told: list[Status] = []
    async with Endpoint(faulty_url, "scripted") as endpoint:
        with Calls(tmp_path / "journal.jsonl") as calls:
            teacher = Asking(endpoint, calls, Teacher())
            made = Recycling(teacher, None, Recycle(method="all"), told.append)
            await made.recycle([seed("fate=well x"), seed("fate=refused x")])
    assert sorted(told) == sorted([Status.OK] * 2 + [Status.REFUSED] * 2)
