"""`eval run` as a process of its own against endpoints whose truth is known."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estimates.proportions import wilson
from eval.running.run_folder import RunFolder
from tests.eval import sums
from tests.eval.fake_endpoint import fake_endpoint, fate, is_limited
from tests.eval.judges.fake_judge import FakeJudge, Shown, by_prompt, honest

N = 600
NUM_KILLS = 20
ROOT = Path(__file__).parents[2]


class Cli:
    """The command line in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.eval.eval_with_sums", *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Run it to its end and return status, output and errors."""
        with self.start(*arguments, **variables) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def sums(self, out: str, *arguments: str) -> list[str]:
        where = ["--data", str(self.folder / "sums.jsonl"), "--base-url", self.url]
        return ["run", "sums", *where, *(["--out", out] if out else []), *arguments]

    def manifest(self, out: str, model: str = "fake") -> dict[str, Any]:
        return RunFolder(self.folder / out / "sums" / model).manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    sums.write(folder, N)
    return folder


@pytest.fixture(scope="module")
def faulty(folder: Path) -> Iterator[Cli]:
    """Endpoint with 10 % 429, 2 % 400, 1 % empty, 1 % truncated, and latency."""
    with fake_endpoint(sums.golds(N), folder, is_faulty=True, latency_s=0.01) as url:
        yield Cli(folder, url)


@pytest.fixture(scope="module")
def sound(folder: Path) -> Iterator[Cli]:
    """Endpoint that answers at once."""
    with fake_endpoint(sums.golds(N), folder) as url:
        yield Cli(folder, url)


def fates(model: str = "fake", n: int = N, is_faulty: bool = True) -> list[str]:
    return [fate(text, model, is_faulty) for text in sums.golds(n)]


@pytest.fixture(scope="module")
def undisturbed(faulty: Cli) -> dict[str, Any]:
    status, out, err = faulty(*faulty.sums("undisturbed"))
    manifest = faulty.manifest("undisturbed")
    return {"status": status, "out": out, "err": err, "manifest": manifest}


def test_the_accuracy_is_the_truth_to_the_digit(undisturbed: dict[str, Any]) -> None:
    robust = undisturbed["manifest"]["scores"]["robust"]
    truth = wilson(fates().count("right"), N)
    assert robust["k"] == fates().count("right")
    assert (robust["n"], robust["value"], robust["low"]) == (N, truth.value, truth.low)
    assert f"accuracy {truth.percent()}" in undisturbed["out"]


def test_every_fault_is_counted_and_shown(undisturbed: dict[str, Any]) -> None:
    refused, empty, truncated = map(fates().count, ("refused", "empty", "truncated"))
    assert min(refused, empty, truncated) > 0
    counts = undisturbed["manifest"]["counts"]
    assert counts["error"] == refused
    assert counts["ok"] == N - refused
    assert counts["length"] == counts["truncated"] == truncated
    assert counts["empty"] == counts["unanswered"] == empty + truncated
    assert f"error {refused}, empty {empty + truncated}, length {truncated}" in undisturbed["out"]
    assert f"{refused} errors" in undisturbed["err"]


def test_errors_give_an_exit_status_and_the_command_that_asks_them_again(
    undisturbed: dict[str, Any],
) -> None:
    assert undisturbed["status"] == 2
    assert "--resume undisturbed" in undisturbed["err"]
    assert "next: reflect eval report undisturbed" in undisturbed["out"]


def test_what_was_told_to_come_back_was_asked_twice(
    undisturbed: dict[str, Any], faulty: Cli
) -> None:
    samples = RunFolder(faulty.folder / "undisturbed" / "sums" / "fake").samples().values()
    limited = {f"sums-{i}" for i, text in enumerate(sums.golds(N)) if is_limited(text)}
    assert {sample.id for sample in samples if sample.attempts == 2} == limited
    assert N * 0.05 < len(limited) < N * 0.15


def test_the_manifest_names_no_host_no_key_and_no_path(faulty: Cli) -> None:
    arguments = faulty.sums("secret", "--limit", "30", "--system", "Add.", "--field", "top_k=20")
    faulty(*arguments, REFLECT_API_KEY="sk-secret")
    run = faulty.folder / "secret" / "sums" / "fake"
    for file in run.iterdir():
        text = file.read_text()
        assert not [word for word in ("sk-secret", "127.0.0.1", str(faulty.folder)) if word in text]
    manifest = faulty.manifest("secret")
    assert manifest["protocol"]["system"] == "Add."
    assert manifest["treatment"]["fields"] == {"top_k": 20}
    assert manifest["data"]["limit"] == 30
    assert manifest["system_fingerprints"] == ["fp_fake"]


def test_killed_at_any_moment_it_goes_on_to_the_same_digest(
    faulty: Cli, undisturbed: dict[str, Any]
) -> None:
    draw = random.Random(1)
    file = faulty.folder / "killed" / "sums" / "fake" / "samples.jsonl"
    where: list[str] = ["--out", "killed"]
    sizes = [0]
    for _ in range(NUM_KILLS):
        with faulty.start(*faulty.sums("", *where, "--concurrency", "4")) as process:
            while size_of(file) <= sizes[-1] and process.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.random() * 0.05)
            assert process.poll() is None, "it was done before it was killed: ask more questions"
            os.killpg(process.pid, signal.SIGKILL)
        where = ["--resume", "killed"] if file.exists() else where
        sizes.append(size_of(file))
    assert sizes == sorted(set(sizes))
    status, _, _ = faulty(*faulty.sums("", *where))
    again = faulty.manifest("killed")
    assert status == 2
    assert again["status"] == "finished"
    assert again["digest"] == undisturbed["manifest"]["digest"]
    assert again["counts"] == undisturbed["manifest"]["counts"]


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def test_a_run_stopped_by_ctrl_c_says_how_to_go_on_and_does(
    faulty: Cli, undisturbed: dict[str, Any]
) -> None:
    file = faulty.folder / "interrupted" / "sums" / "fake" / "samples.jsonl"
    with faulty.start(*faulty.sums("interrupted", "--concurrency", "4")) as process:
        while size_of(file) < 10_000:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "--resume interrupted" in err
    stopped = faulty.manifest("interrupted")
    assert stopped["status"] == "stopped"
    assert 0 < stopped["counts"]["unasked"] < N
    faulty(*faulty.sums("", "--resume", "interrupted"))
    assert faulty.manifest("interrupted")["digest"] == undisturbed["manifest"]["digest"]


def test_a_second_runner_of_one_folder_is_refused(faulty: Cli) -> None:
    file = faulty.folder / "shared" / "sums" / "fake" / "samples.jsonl"
    with faulty.start(*faulty.sums("shared", "--concurrency", "1")) as process:
        while size_of(file) < 2000:
            time.sleep(0.001)
        status, _, err = faulty(*faulty.sums("", "--resume", "shared"))
        process.kill()
    assert status == os.EX_DATAERR
    assert "is being written by another process" in err


def test_a_run_goes_on_only_with_what_it_began_with(
    faulty: Cli, undisturbed: dict[str, Any]
) -> None:
    for flags, difference in (
        (["--system", "Be wrong."], "protocol.system was None and is 'Be wrong.' now"),
        (["--temperature", "1"], "protocol.temperature was 0.0 and is 1.0 now"),
        (["--effort", "low"], "treatment.effort was None and is 'low' now"),
        (["--limit", "9"], "data.limit was None and is 9 now"),
    ):
        status, _, err = faulty(*faulty.sums("", "--resume", "undisturbed", *flags))
        assert status == os.EX_DATAERR
        assert difference in err
    assert faulty.manifest("undisturbed") == undisturbed["manifest"]


def test_a_folder_that_holds_a_run_is_not_written_over(
    faulty: Cli, undisturbed: dict[str, Any]
) -> None:
    status, _, err = faulty(*faulty.sums("undisturbed"))
    assert status == os.EX_DATAERR
    assert "holds a run: go on with --resume" in err
    assert faulty.manifest("undisturbed") == undisturbed["manifest"]


def test_a_baseline_is_asked_the_same_and_compared(sound: Cli) -> None:
    status, out, err = sound(*sound.sums("pair", "--model", "ours", "--baseline", "theirs"))
    ours, theirs = (fates(model, is_faulty=False) for model in ("ours", "theirs"))
    pairs = list(zip(ours, theirs, strict=True))
    better, worse = pairs.count(("right", "wrong")), pairs.count(("wrong", "right"))
    row = next(line for line in out.splitlines() if line.startswith("sums  "))
    difference = f"{100 * (better - worse) / N:+.2f}".replace("-", "")
    assert status == 0, err
    assert row.split()[1] == str(N)
    assert {str(better), str(worse)} <= set(row.split())
    assert difference.lstrip("+") in row
    ours_told, theirs_told = (sound.manifest("pair", name) for name in ("ours", "theirs"))
    assert ours_told["protocol"] == theirs_told["protocol"]
    assert [told.get("is_baseline") for told in (ours_told, theirs_told)] == [None, True]


def test_a_baseline_of_the_same_name_elsewhere_has_a_folder_of_its_own(
    sound: Cli, faulty: Cli
) -> None:
    status, _, _ = sound(*sound.sums("two", "--limit", "50", "--baseline", f"{faulty.url}#fake"))
    assert status in {0, 2}
    names = sorted(path.name for path in (sound.folder / "two" / "sums").iterdir())
    assert names == ["fake", "fake-2"]


def test_epochs_tell_pass_and_majority_and_repeats_tell_flips(sound: Cli) -> None:
    _, out, _ = sound(*sound.sums("epochs", "--limit", "20", "--epochs", "2", "--seed", "5"))
    assert "pass@2" in out
    assert "maj@2" in out
    assert sound.manifest("epochs")["counts"]["n"] == 40
    _, out, _ = sound(*sound.sums("repeat", "--limit", "20", "--repeat", "2"))
    assert "flip rate between equal requests: score 0.00 %" in out


def test_prices_give_a_cost_and_one_price_alone_is_refused(sound: Cli) -> None:
    prices = ["--price-in", "1", "--price-out", "10"]
    _, out, _ = sound(*sound.sums("cost", "--limit", "100", *prices))
    assert "cost 0.03" in out  # 100 * (100 * 1 + 20 * 10) / 1e6
    status, _, err = sound(*sound.sums("cost2", "--price-in", "1"))
    assert status == os.EX_DATAERR
    assert "both --price-in and --price-out" in err


async def test_pairs_are_judged_as_soon_as_all_is_answered(sound: Cli, tmp_path: Path) -> None:
    rows = [{"id": str(i), "set": "koala", "instruction": f"{i}?", "input": ""} for i in range(6)]
    data = tmp_path / "instructions.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with fake_endpoint({}, tmp_path, default=42) as url:
        async with FakeJudge(by_prompt(lambda prompt: honest(Shown.read(prompt)))) as judge:
            run = ["run", "pairwise", "--data", str(data), "--base-url", url, "--out", "judged"]
            sides = ["--model", "ours", "--baseline", "theirs", "--judge-model", "judge"]
            flags = [*run, *sides, "--judge-base-url", judge.base_url, "--judge-probe", "0"]
            status, out, err = await asyncio.to_thread(sound, *flags)
    manifest = RunFolder(sound.folder / "judged" / "pairwise" / "ours").manifest
    assert status == 0, err
    assert manifest["judge"]["opponent"]["model"] == "theirs"
    assert manifest["scores"]["robust"]["n"] == 6
    assert "orders that disagree" in out


def test_a_judge_of_pairs_needs_a_baseline(sound: Cli) -> None:
    run = ["run", "pairwise", "--base-url", sound.url, "--judge-model", "judge"]
    status, _, err = sound(*run)
    assert status == os.EX_DATAERR
    assert "name it by --baseline" in err


def test_where_no_server_is_the_remedy_is_told_at_once(sound: Cli) -> None:
    arguments = sound.sums("none")
    arguments[arguments.index(sound.url)] = "http://127.0.0.1:9/v1"
    status, _, err = sound(*arguments)
    assert status == os.EX_DATAERR
    assert "nothing answers at http://127.0.0.1:9/v1" in err
    assert "make serve" in err
    assert not (sound.folder / "none").exists()


def test_an_endpoint_that_refuses_everything_is_given_up(sound: Cli) -> None:
    data = sound.folder / "unknown" / "sums.jsonl"
    data.parent.mkdir()
    data.write_text("".join(json.dumps(row) + "\n" for row in sums.rows(N + 100)[N:]))
    run = ["run", "sums", "--data", str(data), "--base-url", sound.url, "--attempts", "1"]
    status, out, err = sound(*run, "--out", "up")
    assert status == 3
    assert "gave up after 20 errors in a row, the last: 500: no such question" in err
    assert sound.manifest("up")["status"] == "stopped"
    assert "not asked" in out


@pytest.mark.parametrize(
    "flags",
    [
        ["--epochs", "2", "--repeat", "2"],
        ["--epochs", "0"],
        ["--field", "top_k"],
        ["--field", "top_k=yes"],
        ["--temperature", "hot"],
        ["--out", "a", "--resume", "b"],
    ],
)
def test_wrong_usage_is_one_line(sound: Cli, flags: list[str]) -> None:
    status, out, err = sound(*sound.sums("", *flags))
    assert (status, out) == (os.EX_USAGE, "")
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_not_there_cannot_be_resumed(sound: Cli) -> None:
    status, _, err = sound(*sound.sums("", "--resume", "nowhere"))
    assert status == os.EX_DATAERR
    assert "nowhere is no folder of runs to resume" in err


def test_a_run_is_verified_elsewhere_and_a_changed_reply_is_found(
    undisturbed: dict[str, Any], faulty: Cli, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(faulty.folder / "undisturbed" / "sums" / "fake", copy)
    elsewhere = Cli(tmp_path, "")
    status, out, _ = elsewhere("verify", "elsewhere")
    assert status == 0
    assert undisturbed["manifest"]["digest"] in out
    file = copy / "samples.jsonl"
    right = next(line for line in file.read_text().splitlines() if '"value":1.0' in line)
    file.write_text(file.read_text().replace(right, right.replace("#### ", "#### 1")))
    status, out, _ = elsewhere("verify", "elsewhere")
    assert status == 1
    assert "the samples in the folder are not those of the manifest" in out
    assert "the samples are scored otherwise now" in out
