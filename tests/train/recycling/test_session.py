import asyncio
import json
import multiprocessing
import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from client.errors import EndpointError
from files.errors import LockError
from tests.train.recycling.fake_student import FakeStudent
from tests.train.recycling.runs import configure, journal, named, recycled, rows, run
from tests.train.recycling.scripted_teacher import scripted_teacher
from train.config import Config
from train.recycling.settings import Recycle
from train.scoring.target import Likelihood, Target

NUM_KILLS = 20
TOPICS = [f"topic {number}" for number in range(60)]
FORK = multiprocessing.get_context("fork")


class NoStudent(FakeStudent):
    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        raise AssertionError("nothing is to be scored")


def result(config: Config) -> bytes:
    return (config.run.dir / "recycled.jsonl").read_bytes()


def asked(url: str) -> Counter[str]:
    with urllib.request.urlopen(url.replace("/v1", "/asked")) as reply:
        return Counter(json.load(reply))


def run_apart(config: Config, student: FakeStudent | None = None) -> None:
    """Run it in a forked process, which must not die with a lock that the parent shares."""
    tqdm.set_lock(threading.RLock())
    run(config, student)


def killed_after(config: Config, seconds: float) -> bool:
    """Run it in a process of its own, kill that after so long, and tell whether it was not done."""
    child = FORK.Process(target=run_apart, args=(config,))
    child.start()
    child.join(seconds)
    child.kill()
    child.join()
    return child.exitcode == -signal.SIGKILL


def test_after_20_kills_the_result_is_the_same_and_no_reply_was_asked_for_twice(
    tmp_path: Path,
) -> None:
    names = [f"topic {number} fate=well " for number in range(120)]
    settings = Recycle(block=16)
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    draw = random.Random(7)
    with scripted_teacher() as url:
        whole = configure(tmp_path / "whole", url, names, settings)
        run(whole)
    with scripted_teacher(latency_s=0.02) as url:
        config = configure(tmp_path / "killed", url, names, settings, concurrency=8)
        num_killed = 0
        while num_killed < NUM_KILLS:
            num_killed += killed_after(config, draw.uniform(0.0, 0.12))
            (config.run.dir / "recycled.json").unlink(missing_ok=True)  # done: writing is killed
        run(config)
        num_asked = asked(url)
    assert result(config) == result(whole)
    lines = journal(config)
    answered: set[str] = set()
    for line in lines:
        assert "request" not in line or line["key"] not in answered
        answered |= {line["key"]} if "turn" in line else set()
    assert len(answered) == sum("turn" in line for line in lines) == 240
    # a call that was under way when the process died may have been paid for: no more than those
    num_requests = sum("request" in line for line in lines)
    assert 240 <= num_asked.total() <= num_requests <= 240 + 8 * NUM_KILLS
    assert len(num_asked) == 240


def test_a_session_without_kill_asks_each_thing_once(tmp_path: Path) -> None:
    with scripted_teacher() as url:
        config = configure(tmp_path, url, TOPICS, Recycle(block=16))
        run(config)
        assert set(asked(url).values()) == {1}


@pytest.mark.parametrize("method", ["selective", "all"])
def test_every_sample_has_one_line_in_order_with_a_status(
    tmp_path: Path, faulty_url: str, method: Any
) -> None:
    config = configure(tmp_path, faulty_url, TOPICS, Recycle(method=method, block=7))
    summary = run(config)
    assert summary is not None
    found = rows(config)
    assert [row["variants"]["original"]["instruction"] for row in found] == TOPICS
    assert summary["statuses"] == Counter(row["status"] for row in found)
    assert summary["outcomes"] == Counter(row["outcome"] for row in found)
    assert summary["num_kept"] == sum(row["kept"] for row in found) > 0
    assert len(summary["statuses"]) > 2


def test_what_is_done_is_not_done_again(tmp_path: Path, faulty_url: str) -> None:
    config = configure(tmp_path, faulty_url, TOPICS, Recycle(block=16))
    summary, before = run(config), result(config)
    os.utime(config.run.dir / "recycled.jsonl", (1, 1))
    assert run(config, NoStudent()) == summary
    assert (config.run.dir / "recycled.jsonl").stat().st_mtime == 1
    assert result(config) == before


def test_what_asks_nothing_new_costs_nothing(tmp_path: Path, faulty_url: str) -> None:
    config = configure(tmp_path, faulty_url, TOPICS, Recycle(block=16))
    run(config)
    lines = journal(config)
    less = configure(tmp_path, faulty_url, TOPICS, Recycle(block=16, top_percent=50))
    run(less)
    assert journal(less) == lines
    ranked = [row["rank"] for row in rows(less) if row["kept"]]
    assert sorted(ranked) == list(range(1, len(ranked) + 1))
    left = [row for row in rows(less) if row["reason"] == "not in the top 50 % by IFD"]
    assert 0 <= len(ranked) - len(left) <= 1


def test_samples_without_a_reply_are_asked_again_by_the_next_session(
    tmp_path: Path, faulty_url: str
) -> None:
    names = ["fate=dead x", "fate=well x"]
    config = configure(tmp_path, faulty_url, names, Recycle(method="all"), max_attempts=1)
    summary = run(config)
    assert summary is not None
    assert summary["num_passing"] == 1
    assert named(config)["fate=dead x"]["status"] == "api_error"
    num_lines = len(journal(config))
    run(config)
    assert len(journal(config)) == num_lines + 2  # a request and its failure


def test_a_sample_that_waits_is_asked_again_whatever_went_wrong_with_it_before(
    tmp_path: Path, faulty_url: str
) -> None:
    config = configure(tmp_path, faulty_url, ["fate=unread x"], Recycle(), max_attempts=1)
    summary = run(config)
    assert summary is not None
    assert (summary["statuses"], summary["num_passing"]) == ({"parse_failed": 1}, 1)
    (row,) = rows(config)
    assert row["reason"] == "api_error: it did not come to its end"
    num_lines = len(journal(config))
    run(config)
    assert len(journal(config)) == num_lines + 2  # a request and its failure


def test_an_error_of_the_student_loses_no_reply_that_is_under_way(tmp_path: Path) -> None:
    class Broken(FakeStudent):
        def score(self, targets: Sequence[Target]) -> list[Likelihood]:
            raise OSError(28, "no weights")

    with scripted_teacher(latency_s=0.05) as url:
        config = configure(tmp_path, url, TOPICS[:40], Recycle(block=4), concurrency=6)
        with pytest.raises(OSError, match="no weights"):
            run(config, Broken())
        num_replies = sum("turn" in line for line in journal(config))
        assert num_replies == asked(url).total() < 40
        run(config)
        assert set(asked(url).values()) == {1}


def test_a_limit_of_cost_leaves_the_rest_skipped_and_more_money_goes_on(tmp_path: Path) -> None:
    settings = Recycle(method="all", block=8)
    prices = {"price_read": 1000.0, "price_written": 1000.0, "concurrency": 1}
    with scripted_teacher() as url:
        config = configure(tmp_path, url, TOPICS, settings, max_cost=12.0, **prices)
        summary = run(config)
        assert summary is not None
        assert summary["teacher"]["num_replies"] == 20  # of 400 + 200 tokens
        assert summary["statuses"]["skipped"] > 0
        assert summary["num_skipped"] == summary["num_passing"] > 40
        more = configure(tmp_path, url, TOPICS, settings, **prices)
        summary = run(more)
        assert summary is not None
        assert summary["statuses"] == {"ok": 60}
        assert set(asked(url).values()) == {1}


async def test_sigterm_ends_what_is_under_way_and_the_next_session_goes_on(tmp_path: Path) -> None:
    with scripted_teacher(latency_s=0.1) as url:
        config = configure(tmp_path, url, TOPICS, Recycle(method="all", block=8), concurrency=4)
        task = asyncio.create_task(recycled(config))
        await asyncio.sleep(0.25)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task is None
        assert not (config.run.dir / "recycled.jsonl").exists()
        lines = journal(config)
        assert sum("request" in line for line in lines) == sum("turn" in line for line in lines)
        assert 0 < len(lines) < 240
        await recycled(config)
        assert set(asked(url).values()) == {1}


class Endless(FakeStudent):
    """Writes a line when it begins to score, and takes long for that."""

    def __init__(self, begun: Path, seconds: float) -> None:
        super().__init__()
        self.begun, self.seconds = begun, seconds

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        with self.begun.open("a") as file:
            file.write("begun\n")
        time.sleep(self.seconds)
        return super().score(targets)


def stop_while_scoring(folder: Path, url: str, seconds: float, num_signals: int) -> Any:
    """Send signals to a session that scores; return its process, which has ended or is to."""
    config = configure(folder, url, TOPICS[:12], Recycle(block=4))
    student = Endless(folder / "begun", seconds)
    child = FORK.Process(target=run_apart, args=(config, student))
    child.start()
    while not student.begun.exists():
        time.sleep(0.01)
    for _ in range(num_signals):
        os.kill(child.pid or 0, signal.SIGINT)
        time.sleep(0.2)
    child.join(5)
    return child


def test_a_second_signal_ends_a_session_that_scores_at_once(tmp_path: Path) -> None:
    with scripted_teacher() as url:
        child = stop_while_scoring(tmp_path, url, seconds=60, num_signals=2)
        exit_status = child.exitcode
        child.kill()
    assert exit_status == -signal.SIGINT


def test_after_a_signal_no_other_block_is_scored(tmp_path: Path) -> None:
    with scripted_teacher() as url:
        child = stop_while_scoring(tmp_path, url, seconds=1, num_signals=1)
        exit_status = child.exitcode
        child.kill()
    assert exit_status == 0
    assert (tmp_path / "begun").read_text() == "begun\n"
    assert not (tmp_path / "run" / "recycled.jsonl").exists()


def test_asking_goes_on_while_a_block_is_scored(tmp_path: Path) -> None:
    class Slow(FakeStudent):
        def score(self, targets: Sequence[Target]) -> list[Likelihood]:
            before = len(journal(config))
            time.sleep(0.05)
            grown.append(len(journal(config)) - before)
            return super().score(targets)

    grown: list[int] = []
    with scripted_teacher(latency_s=0.02) as url:
        config = configure(tmp_path, url, TOPICS, Recycle(block=8), concurrency=4)
        run(config, Slow())
    assert sum(size > 0 for size in grown) > len(grown) / 2


def test_a_second_session_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with scripted_teacher(latency_s=0.3) as url:
        config = configure(tmp_path, url, TOPICS, Recycle(method="all"))
        child = FORK.Process(target=run_apart, args=(config,))
        child.start()
        while not journal(config):
            time.sleep(0.01)
        with pytest.raises(LockError, match="written by another process"):
            run(config)
        child.kill()
        child.join()


def test_a_teacher_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = configure(tmp_path, "http://127.0.0.1:9/v1", TOPICS, Recycle(), model="")
    with pytest.raises(EndpointError, match="nothing answers"):
        run(config)


def test_the_only_model_that_is_served_is_the_teacher(tmp_path: Path, faulty_url: str) -> None:
    config = configure(tmp_path, faulty_url, TOPICS[:1], Recycle(), model="")
    summary = run(config)
    assert summary is not None
    assert summary["inputs"]["teacher"]["model"] == "scripted"
