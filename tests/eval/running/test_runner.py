import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client.endpoint import Endpoint
from client.retries import Retries
from eval.dataset import Row
from eval.question import Question
from eval.running.plan import Plan, make_plan
from eval.running.protocol import Protocol, Treatment
from eval.running.run_folder import RunFolder
from eval.running.runner import MAX_ERRORS_IN_A_ROW, Runner
from eval.running.scoring import Scoring
from eval.sample import Sample
from tests.eval import sums
from tests.eval.sums import SUMS


class Seen(list[Sample]):
    """Who is told of the samples."""

    def add(self, sample: Sample) -> None:
        self.append(sample)


class Model:
    """An endpoint in this process that answers right but where it is told otherwise."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.statuses: dict[str, int] = {}
        self.finish_reasons: dict[str, str] = {}
        self.has_been_asked = asyncio.Event()

    async def chat(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.requests.append(asked)
        if len(self.requests) == 20:
            self.has_been_asked.set()
        text = asked["messages"][-1]["content"]
        if status := self.statuses.get(text):
            return web.json_response({"error": {"message": "no"}}, status=status)
        content = f"#### {sums.golds(1000).get(text)}"
        choice = {"message": {"content": content}, "finish_reason": self.finish_reasons.get(text)}
        return web.json_response({"choices": [choice]})

    @asynccontextmanager
    async def endpoint(self, concurrency: int = 4) -> AsyncIterator[Endpoint]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.chat)
        retries = Retries(max_attempts=2, first_pause_s=0.001)
        async with (
            TestServer(app) as server,
            Endpoint(
                str(server.make_url("/v1")), "m", concurrency=concurrency, retries=retries
            ) as endpoint,
        ):
            yield endpoint


def planned(tmp_path: Path, n: int, **treatment: Any) -> Plan:
    data = sums.write(tmp_path, n)
    return make_plan(SUMS, Protocol(), Treatment(**treatment), data)


async def ran(
    plan: Plan, model: Model, path: Path, samples: dict | None = None, concurrency: int = 4
) -> tuple[Runner, Seen]:
    seen = Seen()
    samples = {} if samples is None else samples
    scorer = plan.task.scorer
    assert scorer is not None
    with RunFolder(path) as folder:
        async with model.endpoint(concurrency) as endpoint, Scoring(scorer) as scoring:
            runner = Runner(plan, endpoint, folder, scoring, seen)
            await runner.run(samples)
    return runner, seen


async def test_each_question_is_asked_scored_and_written(tmp_path: Path) -> None:
    _, seen = await ran(planned(tmp_path, 9), Model(), tmp_path / "run")
    written = RunFolder(tmp_path / "run").samples()
    assert len(seen) == len(written) == 9
    assert all(sample.value == 1 and sample.attempts == 1 for sample in written.values())


async def test_a_failure_is_a_sample_and_the_run_goes_on(tmp_path: Path) -> None:
    model = Model()
    model.statuses = {"What is 3 + 3?": 400, "What is 5 + 5?": 503}
    await ran(planned(tmp_path, 9), model, tmp_path / "run")
    samples = RunFolder(tmp_path / "run").samples()
    failed = {id: s for (id, _), s in samples.items() if s.status == "error"}
    assert len(samples) == 9
    assert {id: (s.failure and s.failure.status, s.attempts) for id, s in failed.items()} == {
        "sums-3": (400, 1),
        "sums-5": (503, 2),
    }
    assert all(sample.flags == ("error",) and sample.value == 0 for sample in failed.values())


async def test_a_right_reply_that_was_cut_off_counts_as_wrong(tmp_path: Path) -> None:
    model = Model()
    model.finish_reasons = {"What is 3 + 3?": "length", "What is 5 + 5?": "stop"}
    await ran(planned(tmp_path, 9), model, tmp_path / "run")
    samples = RunFolder(tmp_path / "run").samples()
    assert [id for (id, _), sample in samples.items() if sample.value == 0] == ["sums-3"]
    assert samples["sums-3", 0].flags == ("length",)


async def test_only_what_has_no_reply_is_asked_again(tmp_path: Path) -> None:
    plan, path, model = planned(tmp_path, 9, epochs=2), tmp_path / "run", Model()
    model.statuses = {"What is 3 + 3?": 400}
    samples: dict[tuple[str, int], Sample] = {}
    await ran(plan, model, path, samples)
    del samples["sums-1", 1]
    model.requests.clear()
    model.statuses.clear()
    await ran(plan, model, path, samples)
    asked = [(r["messages"][-1]["content"], r["seed"]) for r in model.requests]
    assert sorted(asked) == [("What is 1 + 1?", 1), ("What is 3 + 3?", 0), ("What is 3 + 3?", 1)]
    assert {sample.value for sample in RunFolder(path).samples().values()} == {1.0}


async def test_it_gives_up_after_so_many_errors_in_a_row(tmp_path: Path) -> None:
    model = Model()
    model.statuses = dict.fromkeys(list(sums.golds(100))[10:], 400)
    runner, seen = await ran(planned(tmp_path, 100), model, tmp_path / "run", concurrency=1)
    assert runner.has_given_up
    assert len(seen) == 10 + MAX_ERRORS_IN_A_ROW


async def test_errors_that_a_reply_interrupts_do_not_end_it(tmp_path: Path) -> None:
    model = Model()
    model.statuses = {
        text: 400 for i, text in enumerate(sums.golds(100)) if i % MAX_ERRORS_IN_A_ROW
    }
    runner, seen = await ran(planned(tmp_path, 100), model, tmp_path / "run", concurrency=1)
    assert not runner.has_given_up
    assert len(seen) == 100


def read_two_turns(rows: Sequence[Row], shots: Sequence[Row]) -> list[Question]:
    return [
        replace(question, turns=(*question.turns, "What is 7 + 7?"), gold="14")
        for question in sums.read(rows, shots)
    ]


async def test_turns_are_asked_one_after_the_other(tmp_path: Path) -> None:
    plan = planned(tmp_path, 2)
    task = replace(SUMS, read=read_two_turns)
    plan = make_plan(task, Protocol(system="Add."), Treatment(), tmp_path / "sums.jsonl")
    model = Model()
    _, seen = await ran(plan, model, tmp_path / "run", concurrency=1)
    assert [m["content"] for m in model.requests[1]["messages"]] == [
        "Add.",
        "What is 0 + 0?",
        "#### 0",
        "What is 7 + 7?",
    ]
    assert [[turn.content for turn in sample.turns] for sample in seen] == [
        ["#### 0", "#### 14"],
        ["#### 2", "#### 14"],
    ]
    assert [(sample.value, sample.attempts) for sample in seen] == [(1.0, 2), (1.0, 2)]


async def test_a_second_turn_that_fails_leaves_the_first_and_no_score(tmp_path: Path) -> None:
    task = replace(SUMS, read=read_two_turns)
    plan = make_plan(task, Protocol(), Treatment(), sums.write(tmp_path, 1))
    model = Model()
    model.statuses = {"What is 7 + 7?": 400}
    _, [sample] = await ran(plan, model, tmp_path / "run")
    assert (len(sample.turns), sample.score, sample.status) == (1, None, "error")


async def test_cancelled_it_leaves_whole_samples_and_no_task_behind(tmp_path: Path) -> None:
    plan, model = planned(tmp_path, 1000), Model()
    run = asyncio.create_task(ran(plan, model, tmp_path / "run"))
    await model.has_been_asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    samples = RunFolder(tmp_path / "run").samples()
    assert 0 < len(samples) < 1000
    assert asyncio.all_tasks() == {asyncio.current_task()}
