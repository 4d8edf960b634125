import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from aiohttp import web

from eval.running import account
from eval.running.run_folder import RunFolder
from tests.eval.judges.fake_judge import FakeJudge, Shown, by_prompt, honest
from tests.eval.judges.runs import questions, write_run

CONCURRENCY = 4
MADE_UP = {"tokens": {"completion": None}, "wall_s": 1.0, "cost": None}  # what eval run adds


def honestly(prompt: str) -> str:
    return honest(Shown.read(prompt))


def runs(tmp_path: Path, num: int) -> tuple[RunFolder, RunFolder]:
    asked = questions(num)
    answers = {q.id: ["It is right." if i % 3 else "No."] for i, q in enumerate(asked)}
    ours = write_run(tmp_path / "ours", asked, answers)
    return ours, write_run(tmp_path / "theirs", asked, {q.id: ["Perhaps."] for q in asked})


async def started(
    *arguments: str | Path, command: str = "judge", **variables: str
) -> asyncio.subprocess.Process:
    keys = ("REFLECT_JUDGE_KEY", "REFLECT_API_KEY", "OPENAI_API_KEY")
    clean = {name: value for name, value in os.environ.items() if name not in keys}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "eval", command, *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean | variables,
    )


def arguments(ours: RunFolder, theirs: RunFolder, judge: FakeJudge) -> list[str | Path]:
    return [
        *(ours.path, "--against", theirs.path, "--judge-model", "judge-model"),
        *("--judge-base-url", judge.base_url, "--judge-probe", "0"),
        *("--judge-concurrency", str(CONCURRENCY)),
    ]


async def test_the_result_is_printed_with_its_interval(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 12)
    async with FakeJudge(by_prompt(honestly)) as judge:
        process = await started(*arguments(ours, theirs, judge)[:-4], "--judge-probe", "2")
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    said = out.decode()
    assert "pairwise  1.667 [1.388, 1.945] n=12" in said
    assert "win 8, tie 4, lose 0 of 12" in said
    assert "koala" in said
    assert "orders that disagree: 0/12 = 0.0 % [0.0, 24.2]" in said
    assert "a constant answer made to please the judge scores 1.000 (n=2 questions)" in said
    assert "verdicts 28/28" in err.decode()


@pytest.mark.parametrize("name", ["REFLECT_JUDGE_KEY", "OPENAI_API_KEY"])
async def test_the_key_is_sent_and_written_nowhere(tmp_path: Path, name: str) -> None:
    ours, theirs = runs(tmp_path, 2)
    async with FakeJudge(by_prompt(honestly)) as judge:
        process = await started(*arguments(ours, theirs, judge), **{name: "sk-judge-secret"})
        out, err = await process.communicate()
    assert {headers["Authorization"] for headers in judge.headers} == {"Bearer sk-judge-secret"}
    written = b"".join(file.read_bytes() for file in ours.path.iterdir() if file.is_file())
    assert b"sk-judge-secret" not in written + out + err


async def test_judge_errors_have_an_exit_status_of_their_own(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 2)
    async with FakeJudge(lambda messages, times: "Both are nice.") as judge:
        process = await started(*arguments(ours, theirs, judge))
        out, _ = await process.communicate()
    assert process.returncode == 2
    assert "2 judge errors" in out.decode()


async def test_a_judge_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 2)
    async with FakeJudge(by_prompt(honestly)) as judge:
        pass
    process = await started(*arguments(ours, theirs, judge))
    _, err = await process.communicate()
    assert process.returncode == os.EX_DATAERR
    assert "--judge-base-url" in err.decode()
    assert not (ours.path / "verdicts.jsonl").read_text()


async def test_no_judge_need_be_there_where_all_verdicts_are_filed(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 2)
    outputs = []
    async with FakeJudge(by_prompt(honestly)) as judge:
        outputs.append(await (await started(*arguments(ours, theirs, judge))).communicate())
    outputs.append(await (await started(*arguments(ours, theirs, judge))).communicate())
    assert outputs[0][0] == outputs[1][0] != b""


async def test_a_judge_that_refuses_the_key_is_told(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 2)
    async with FakeJudge(lambda messages, times: web.Response(status=401)) as judge:
        process = await started(*arguments(ours, theirs, judge))
        _, err = await process.communicate()
    assert process.returncode == os.EX_DATAERR
    assert "REFLECT_JUDGE_KEY" in err.decode()
    assert "Traceback" not in err.decode()


async def test_a_task_with_right_answers_is_refused(tmp_path: Path) -> None:
    asked = questions(1)
    folder = write_run(tmp_path / "ours", asked, {"q0": ["4"]}, task="word_problems")
    process = await started(folder.path, "--judge-model", "any")
    _, err = await process.communicate()
    assert process.returncode == os.EX_DATAERR
    assert "has right answers" in err.decode()


async def test_killed_at_any_moment_no_verdict_is_paid_for_twice(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 40)
    whole, _ = runs(tmp_path / "whole", 40)
    num_kills = 5
    async with FakeJudge(by_prompt(honestly), latency_s=0.02) as judge:
        for number in range(num_kills):
            process = await started(*arguments(ours, theirs, judge))
            await judge.until(14 * (number + 1))
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            assert process.returncode == -signal.SIGKILL
            filed = filed_keys(ours)
            with (ours.path / "verdicts.jsonl").open("a") as file:
                file.write('{"key": "torn')
        num_before = len(judge.requests)
        process = await started(*arguments(ours, theirs, judge))
        await process.communicate()
        assert process.returncode == 0
        # what was filed is not asked again: the last pass asks for the rest and nothing else
        assert len(judge.requests) - num_before == 80 - len(filed)
        assert len(judge.requests) <= 80 + num_kills * CONCURRENCY
        process = await started(*arguments(whole, theirs, judge))
        await process.communicate()
    assert len(filed_keys(ours)) == 80
    assert ours.digest() == ours.manifest["digest"] == whole.manifest["digest"]


def filed_keys(folder: RunFolder) -> list[str]:
    lines = (folder.path / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    return [json.loads(line)["key"] for line in lines if line.endswith(b"\n")]


async def test_eval_run_asks_both_models_and_has_them_judged(tmp_path: Path) -> None:
    rows = [
        {"id": f"koala-{i}", "set": "koala", "instruction": f"{i} + {i}?", "input": ""}
        for i in range(5)
    ]
    data = tmp_path / "instructions.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def decide(messages: list[dict[str, str]], times: int) -> str:
        asked = messages[-1]["content"]
        return honestly(asked) if "Scores:" in asked else f"{asked} is right"

    async with FakeJudge(decide) as judge:
        process = await started(
            *("pairwise", "--data", data, "--base-url", judge.base_url, "--model", "ours"),
            *("--baseline", "theirs", "--out", tmp_path / "set", "--judge-model", "judge-model"),
            *("--judge-base-url", judge.base_url, "--judge-probe", "0"),
            command="run",
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert "win 0, tie 5, lose 0 of 5" in out.decode()
    folder = RunFolder(tmp_path / "set" / "pairwise" / "ours")
    assert folder.manifest["judge"]["opponent"]["model"] == "theirs"
    assert {request["model"] for request in judge.requests} == {"ours", "theirs", "judge-model"}


async def test_a_judged_run_is_verified_from_its_folder(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 6)
    async with FakeJudge(by_prompt(honestly)) as judge:
        await (await started(*arguments(ours, theirs, judge))).communicate()
    process = await started(ours.path, command="verify")
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert "same" in out.decode()
    file = ours.path / "verdicts.jsonl"
    file.write_text(file.read_text().replace("A=9 B=2", "A=2 B=9"))
    process = await started(ours.path, command="verify")
    await process.communicate()
    assert process.returncode == 1


async def test_a_judged_score_is_not_told_in_per_cent(tmp_path: Path) -> None:
    ours, theirs = runs(tmp_path, 6)
    async with FakeJudge(by_prompt(honestly)) as judge:
        await (await started(*arguments(ours, theirs, judge))).communicate()
    said = list(account.lines(ours.manifest | MADE_UP, ours.path))
    assert said[1] == "  mean 1.667 [1.253, 2.080] n=6"
