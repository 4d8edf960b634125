import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from client.errors import EndpointError
from client.retries import Retries
from tests.train.building.student import Student
from train.building.attempts import Ask, Attempt, asks_of, read_attempts, sample_attempts
from train.building.settings import Attempts
from train.errors import DataError

FAST = Retries(max_attempts=2, first_pause_s=0.001)
SETTINGS = Attempts("countdown", samples=3, model="student", concurrency=2)


def asks(settings: Attempts = SETTINGS, num: int = 4) -> list[Ask]:
    return [ask for n in range(num) for ask in asks_of(settings, f"question {n}", seed=1)]


def refused(status: int) -> web.Response:
    return web.json_response({"error": {"message": "no"}}, status=status)


async def sample(student: Student, folder: Path, wanted: list[Ask], told: list[int]) -> int:
    async with student.serve() as base_url:
        settings = replace(SETTINGS, base_url=base_url)
        return await sample_attempts(settings, wanted, folder, lambda: told.append(1), FAST)


async def test_every_answer_is_kept_and_none_is_asked_for_twice(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: f"{prompt}: {n}")
    told: list[int] = []
    assert await sample(student, tmp_path, asks(num=3), told) == 0
    assert len(told) == len(student.requests) == 9
    assert await sample(student, tmp_path, asks(num=4), told) == 0
    assert len(told) == 9 + 12
    assert set(student.asked.values()) == {3}
    found = read_attempts(tmp_path)
    assert set(found) == {ask.key for ask in asks(num=4)}


async def test_each_answer_has_a_seed_of_its_own(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: "4")
    await sample(student, tmp_path, asks(), [])
    assert len({request["seed"] for request in student.requests}) == 12
    assert {request["temperature"] for request in student.requests} == {1.0}
    assert {request["model"] for request in student.requests} == {"student"}


async def test_answers_of_another_model_are_not_taken_for_this_one_s(tmp_path: Path) -> None:
    unnamed = replace(SETTINGS, model="")
    for model in ("first", "first", "second"):
        async with Student(lambda prompt, n: "4", model).serve() as base_url:
            asking = sample_attempts(
                replace(unnamed, base_url=base_url), asks(unnamed), tmp_path, retries=FAST
            )
            if model == "first":
                assert await asking == 0
            else:
                with pytest.raises(DataError, match=r"has answers of first, .* serves second"):
                    await asking


def test_keys_belong_to_model_prompt_sampling_and_seed() -> None:
    others = [replace(SETTINGS, model="other"), replace(SETTINGS, temperature=0.5)]
    keys = [ask.key for settings in (SETTINGS, *others) for ask in asks(settings)]
    keys += [ask.key for ask in asks_of(SETTINGS, "question 0", seed=2)]
    assert len(set(keys)) == len(keys)
    moved = replace(SETTINGS, base_url="http://elsewhere/v1", concurrency=9)
    assert asks(moved) == asks()


async def test_what_fails_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: refused(500) if prompt == "question 1" else "4")
    assert await sample(student, tmp_path, asks(), []) == 3
    assert len(read_attempts(tmp_path)) == 9
    student.answer = lambda prompt, n: "5"
    assert await sample(student, tmp_path, asks(), []) == 0
    contents = [attempt.content for attempt in read_attempts(tmp_path).values()]
    assert sorted(contents) == ["4"] * 9 + ["5"] * 3


async def test_a_run_that_is_stopped_loses_no_answer(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: "4")
    enough = asyncio.Event()

    def told() -> None:
        if len(student.requests) > 5:
            enough.set()

    async with student.serve() as base_url:
        settings = replace(SETTINGS, base_url=base_url)
        running = asyncio.ensure_future(sample_attempts(settings, asks(), tmp_path, told, FAST))
        await enough.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        kept = len(read_attempts(tmp_path))
        assert kept >= 5
        assert await sample_attempts(settings, asks(), tmp_path, told, FAST) == 0
    assert len(read_attempts(tmp_path)) == 12
    assert len(student.requests) <= 12 + SETTINGS.concurrency


async def test_an_endpoint_that_is_no_use_stops_it_all(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: refused(401))
    with pytest.raises(EndpointError, match="refuses"):
        await sample(student, tmp_path, asks(), [])


async def test_thoughts_are_kept_where_they_are_shown(tmp_path: Path) -> None:
    student = Student(lambda prompt, n: {"content": "4", "reasoning": "2 + 2 = 4"})
    await sample(student, tmp_path, asks(num=1), [])
    assert {(a.thoughts, a.content) for a in read_attempts(tmp_path).values()} == {
        ("2 + 2 = 4", "4")
    }


def test_an_answer_that_was_cut_or_is_blank_is_not_whole() -> None:
    assert Attempt("k", "4", finish_reason="stop").is_whole
    assert not Attempt("k", "4", finish_reason="length").is_whole
    assert not Attempt("k", " \n", finish_reason="stop").is_whole
