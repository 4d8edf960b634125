import asyncio
from pathlib import Path

from aiohttp import web

from client.endpoint import Endpoint
from client.turn import Turn
from eval.judges.case import Case
from eval.judges.hearing import MAX_FAILURES_IN_A_ROW, Hearing
from eval.judges.judge import Judge
from eval.judges.pairwise import PAIRWISE
from eval.judges.verdicts import Verdicts
from eval.question import Question
from eval.sample import Sample
from tests.eval.judges.fake_judge import FakeJudge


def cases(num: int) -> list[Case]:
    return [
        Case.of(
            PAIRWISE,
            Judge("judge"),
            Question(f"q{i}", (f"{i}?",), None),
            Sample(f"q{i}", 0, "", "", (Turn("4"),)),
            ("5",),
        )
        for i in range(num)
    ]


async def test_no_more_verdicts_are_asked_for_at_once_than_was_said(tmp_path: Path) -> None:
    most = 0
    settled: list[int] = []
    async with FakeJudge(lambda messages, times: "Scores: A=1 B=2", latency_s=0.01) as judge:

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, len(judge.requests) - judge.num_answered)
                await asyncio.sleep(0.001)

        watching = asyncio.create_task(watch())
        async with Endpoint(judge.base_url, "judge", concurrency=16) as endpoint:
            with Verdicts(tmp_path) as verdicts:
                hearing = Hearing(endpoint, verdicts, lambda: settled.append(len(verdicts)))
                await hearing.hear(cases(12), concurrency=3)
        watching.cancel()
    assert len(settled) == len(judge.requests) == 24
    assert 1 < most <= 3


async def test_what_was_replied_before_a_stop_is_filed(tmp_path: Path) -> None:
    async with (
        FakeJudge(lambda messages, times: "Scores: A=1 B=2", latency_s=0.01) as judge,
        Endpoint(judge.base_url, "judge") as endpoint,
    ):
        with Verdicts(tmp_path) as verdicts:
            hearing = Hearing(endpoint, verdicts, lambda: None)
            task = asyncio.create_task(hearing.hear(cases(20), concurrency=2))
            await judge.until(10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            num_filed = len(verdicts)
    assert 8 <= num_filed < 40
    assert len(Verdicts(tmp_path)) == num_filed


async def test_failures_between_replies_are_no_failures_in_a_row(tmp_path: Path) -> None:
    def decide(messages: list[dict[str, str]], times: int) -> str | web.Response:
        is_even = int(messages[1]["content"].partition("Q| ")[2].partition("?")[0]) % 2 == 0
        return "Scores: A=1 B=2" if is_even else web.json_response({"error": "no"}, status=400)

    num = 2 * MAX_FAILURES_IN_A_ROW
    async with FakeJudge(decide) as judge, Endpoint(judge.base_url, "judge") as endpoint:
        with Verdicts(tmp_path) as verdicts:
            await Hearing(endpoint, verdicts, lambda: None).hear(cases(num), concurrency=1)
            assert len(verdicts) == num
