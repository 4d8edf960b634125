import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from eval.errors import RunError
from eval.judges.filed_scores import scores_by_verdicts
from eval.judges.judge import Judge
from eval.judges.opponent import other_run, reference
from eval.judges.pairwise import PREFERENCE
from eval.question import Question
from eval.tasks.alpaca_eval import ALPACA_EVAL
from eval.tasks.mt_bench import MT_BENCH
from eval.tasks.pairwise import PAIRWISE
from tests.eval.judges.fake_judge import Decide, FakeJudge, Shown, by_prompt, honestly
from tests.eval.judges.runs import RIGHT, WRONG, judged, pair, questions, write_run


async def test_a_run_is_judged_in_both_orders(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(by_prompt(honestly)) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    figures = manifest["scores"]["figures"]
    assert (figures["win"], figures["tie"], figures["lose"]) == (3, 3, 0)
    assert manifest["scores"]["robust"]["value"] == 3 / 6 + 1
    assert figures["position"] == {"first": 3, "second": 3, "neither": 6}
    assert len(judge.requests) == 12
    assert all(request["temperature"] == 0 for request in judge.requests)


async def test_the_manifest_says_who_judged_and_how(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(by_prompt(honestly)) as judge:
        await judged(folder, PAIRWISE, judge.base_url, opponent)
    block = folder.manifest["judge"]
    assert (block["model"], block["system_fingerprints"]) == ("judge-model", ["judge-1"])
    assert block["judging"]["name"] == "pairwise"
    assert (block["verdicts"], block["reminders"], block["errors"]) == (12, 0, 0)
    assert block["tokens"] == {"prompt": 1200, "completion": 120}
    assert block["opponent"]["model"] == "theirs"
    assert judge.base_url not in json.dumps(folder.manifest)


async def test_what_is_filed_is_not_asked_again(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(by_prompt(honestly)) as judge:
        first = await judged(folder, PAIRWISE, judge.base_url, opponent)
        second = await judged(folder, PAIRWISE, judge.base_url, opponent)
        assert len(judge.requests) == 12
        await judged(folder, PAIRWISE, judge.base_url, opponent, Judge("another"))
    assert len(judge.requests) == 24
    assert first == second


async def test_equal_conversations_are_asked_once(tmp_path: Path) -> None:
    asked = [Question(f"q{i}", ("Say hello.",), None, "koala") for i in range(20)]
    ours = write_run(tmp_path / "ours", asked, {q.id: RIGHT for q in asked})
    theirs = write_run(tmp_path / "theirs", asked, {q.id: WRONG for q in asked})
    async with FakeJudge(by_prompt(honestly), latency_s=0.01) as judge:
        manifest = await judged(ours, PAIRWISE, judge.base_url, other_run(ours, theirs))
    assert len(judge.requests) == 2
    assert manifest["scores"]["figures"]["win"] == 20


async def test_equal_answers_tie_for_the_price_of_one_verdict(tmp_path: Path) -> None:
    asked = questions(5)
    ours, theirs = (
        write_run(tmp_path / name, asked, {q.id: WRONG for q in asked}) for name in "ab"
    )
    async with FakeJudge(lambda messages, times: "Scores: A=9 B=1") as judge:
        manifest = await judged(ours, PAIRWISE, judge.base_url, other_run(ours, theirs))
    assert len(judge.requests) == 5
    assert manifest["scores"]["figures"]["tie"] == 5


async def test_overloads_are_waited_out(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    decide = _first_times(2, lambda: web.Response(status=429, headers={"Retry-After": "0"}))
    async with FakeJudge(decide) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert set(judge.counts.values()) == {3}
    assert manifest["judge"]["errors"] == 0


async def test_a_reply_that_cannot_be_read_is_reminded_once(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)

    def decide(messages: list[dict[str, str]], times: int) -> str:
        return "Both are nice." if len(messages) == 2 else honestly(messages[1]["content"])

    async with FakeJudge(decide) as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert len(judge.requests) == 24
    assert (manifest["judge"]["reminders"], manifest["judge"]["errors"]) == (12, 0)
    assert manifest["scores"]["figures"]["win"] == 3
    assert {key: sample.score for key, sample in folder.samples().items()} == scores_by_verdicts(
        folder, PAIRWISE
    )


async def test_a_judge_that_never_answers_in_form_makes_judge_errors(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    async with FakeJudge(lambda messages, times: "Both are nice.") as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent)
        await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert len(judge.requests) == 24
    assert manifest["judge"]["errors"] == manifest["counts"]["judge_error"] == 6
    assert (manifest["counts"]["n"], manifest["scores"]["robust"]["value"]) == (6, 0)


async def test_a_request_that_fails_is_a_judge_error_until_the_command_runs_again(
    tmp_path: Path,
) -> None:
    folder, opponent = pair(tmp_path)
    is_broken = True

    def decide(messages: list[dict[str, str]], times: int) -> str | web.Response:
        if is_broken and "What is 2 + 2?" in messages[1]["content"]:
            return web.json_response({"error": {"message": "too long"}}, status=400)
        return honestly(messages[1]["content"])

    async with FakeJudge(decide) as judge:
        broken = await judged(folder, PAIRWISE, judge.base_url, opponent)
        is_broken = False
        mended = await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert (broken["judge"]["errors"], broken["scores"]["figures"]["win"]) == (1, 2)
    assert (mended["judge"]["errors"], mended["scores"]["figures"]["win"]) == (0, 3)
    assert len(judge.requests) == 12 + 2


async def test_a_judge_that_keeps_failing_is_given_up(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path, 40)
    refused = by_prompt(honestly)

    def decide(messages: list[dict[str, str]], times: int) -> str | web.Response:
        if len(judge.requests) > 10:
            return web.Response(status=400)
        return refused(messages, times)

    async with FakeJudge(decide) as judge:
        with pytest.raises(RunError, match="failed 20 times in a row"):
            await judged(folder, PAIRWISE, judge.base_url, opponent)
    assert len(judge.requests) < 50
    assert "judge" not in folder.manifest


async def test_an_answer_that_failed_or_is_empty_loses_unasked(tmp_path: Path) -> None:
    asked = questions(3)
    ours = write_run(tmp_path / "ours", asked, {"q0": None, "q1": [""], "q2": RIGHT})
    theirs = write_run(tmp_path / "theirs", asked, {"q0": WRONG, "q1": WRONG, "q2": None})
    async with FakeJudge(by_prompt(honestly)) as judge:
        manifest = await judged(ours, PAIRWISE, judge.base_url, other_run(ours, theirs))
    assert judge.requests == []
    figures = manifest["scores"]["figures"]
    assert (figures["win"], figures["lose"], figures["no_answer"]) == (1, 2, 3)


async def test_a_judge_can_be_held_to_a_schema(tmp_path: Path) -> None:
    folder, opponent = pair(tmp_path)
    held = Judge("judge-model", as_json=True, fields={"max_tokens": None})
    async with FakeJudge(lambda messages, times: '{"A": 7, "B": 5}') as judge:
        manifest = await judged(folder, PAIRWISE, judge.base_url, opponent, held)
    request = judge.requests[0]
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["A", "B"]
    assert "max_tokens" not in request
    assert manifest["scores"]["figures"]["flip_rate"]["value"] == 1


async def test_alpaca_eval_is_judged_against_the_rows_reference(tmp_path: Path) -> None:
    references = {"gpt4_1106_preview": "It is right.", "text_davinci_003": "It is 1."}
    asked = [
        Question(f"q{i}", (f"{i}?",), None, "koala", row={"references": references})
        for i in range(4)
    ]
    answers = {q.id: RIGHT if i else WRONG for i, q in enumerate(asked)}
    folder = write_run(tmp_path / "ours", asked, answers, "alpaca_eval")
    rates = {}
    async with FakeJudge(by_prompt(honestly)) as judge:
        for name in PREFERENCE.references:
            opponent = reference(PREFERENCE, name)
            manifest = await judged(folder, ALPACA_EVAL, judge.base_url, opponent)
            rates[name] = manifest["scores"]["figures"]["win_rate"]
    assert rates == {"gpt4_1106_preview": 0.375, "text_davinci_003": 0.875}


async def test_mt_bench_grades_each_turn(tmp_path: Path) -> None:
    asked = [
        Question(f"q{i}", (f"{i} + 2?", "And 3 + 3?"), None, "math", row={"references": ["4", "6"]})
        for i in range(3)
    ]
    answers = {q.id: ["It is right.", f"It is {i}."] for i, q in enumerate(asked)}
    folder = write_run(tmp_path / "ours", asked, answers, "mt_bench")

    def grade(prompt: str) -> str:
        answer = Shown.read(prompt).texts["A"].split("\n")[-1]
        return f"Rating: {10 if 'right' in answer else 4}"

    async with FakeJudge(by_prompt(grade)) as judge:
        manifest = await judged(folder, MT_BENCH, judge.base_url, None)
    assert len(judge.requests) == 6
    assert manifest["scores"]["figures"]["turns"] == [10, 4]
    assert manifest["scores"]["robust"]["value"] == 7


def _first_times(num: int, refuse: Callable[[], web.Response]) -> Decide:
    def decide(messages: list[dict[str, str]], times: int) -> str | web.Response:
        return refuse() if times < num else honestly(messages[1]["content"])

    return decide
