"""`eval run gsm8k` beside lm-eval on the same questions: seconds, memory; no latency.

    python -m benchmarks.eval_runner [--rounds 5] [--peer-rounds 2] [--questions 1319]

Each round is a whole process, its start included, that asks GSM8K's test questions at concurrency
16 with eight examples before each, of an endpoint in a process of its own that answers at once. The
questions are those below the folder that REFLECT_EVAL_DATA names, else made up at the same lengths.
lm-eval (0.4.13 in the pinned lists) runs its task gsm8k_cot_llama, fed with the same file; ours
sends the same requests (--protocol lm-eval). Prints wall seconds, seconds of CPU and the peak of
memory: the median, the least and the greatest of the rounds, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.eval.fake_endpoint import fake_endpoint

CONCURRENCY = 16
MEAN_LENGTH = {"question": 235, "answer": 290}  # characters, GSM8K's test split
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Round:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def timed(command: Sequence[str], folder: Path) -> Round:
    """Run the command to its end in the folder and measure it and its children."""
    environment = os.environ | OFFLINE | {"PYTHONPATH": str(Path.cwd())}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (folder / "log").open("w") as log:
        begun_s = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[2]} ended with {process.returncode}:\n{tail(folder / 'log')}")
    return Round(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def tail(file: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(file.read_text(errors="replace").splitlines()[-15:])


def ours(url: str, data: Path, folder: Path) -> list[str]:
    """Return our command, which sends the requests that lm-eval sends."""
    out = tempfile.mkdtemp(prefix="run-", dir=folder)
    run = ["-m", "eval", "run", "gsm8k", "--data", str(data), "--base-url", url]
    run += ["--protocol", "lm-eval", "--concurrency", str(CONCURRENCY), "--out", out]
    return [sys.executable, *run]


def lm_eval(url: str, data: Path, folder: Path) -> list[str]:
    """Return lm-eval's command, with its task told to read the same file."""
    spec = importlib.util.find_spec("lm_eval")
    assert spec is not None
    assert spec.submodule_search_locations
    theirs = Path(spec.submodule_search_locations[0]) / "tasks/gsm8k/gsm8k-cot-llama.yaml"
    (folder / "local.yaml").write_text(
        f"include: {theirs}\n"
        "task: gsm8k_cot_llama_local\n"
        "dataset_path: json\n"
        "dataset_name: null\n"
        f"dataset_kwargs:\n  data_files:\n    test: {data}\n"
    )
    model = f"model=fake,base_url={url}/chat/completions,num_concurrent={CONCURRENCY}"
    return [
        *(sys.executable, "-m", "lm_eval", "--model", "local-chat-completions"),
        *("--model_args", f"{model},tokenized_requests=False"),
        *("--tasks", "gsm8k_cot_llama_local", "--include_path", str(folder)),
        *("--apply_chat_template", "--fewshot_as_multiturn", "True"),
    ]


def questions(num: int, folder: Path) -> Path:
    """Return a file of GSM8K's test questions, or of made-up ones of their lengths."""
    below = os.environ.get("REFLECT_EVAL_DATA")
    file = folder / "test.jsonl"
    if below:
        lines = (Path(below) / "gsm8k" / "test.jsonl").read_text().splitlines()[:num]
    else:
        draw = random.Random(0)
        lines = [json.dumps(made_up(draw)) for _ in range(num)]
    file.write_text("\n".join(lines) + "\n")
    return file


def made_up(draw: random.Random) -> dict[str, str]:
    """Return a row of GSM8K's form; the lengths vary as its do, by about 40 %."""
    row = {"id": f"made-up-{draw.getrandbits(64)}"}
    for name, mean in MEAN_LENGTH.items():
        length = max(60, round(draw.gauss(mean, 0.4 * mean)))
        row[name] = "".join(draw.choices("abcdefghijklmnop   ", k=length))
    final = str(draw.randrange(1000))
    return row | {"answer": f"{row['answer']}\n#### {final}", "final": final}


def report(name: str, rounds: Sequence[Round]) -> float:
    """Print the rounds of one contender and return the median of its seconds."""
    walls = [one.wall_s for one in rounds]
    median = statistics.median(walls)
    print(
        f"{name:<9} {median:7.2f} s of wall (n = {len(walls)}: {min(walls):.2f} to "
        f"{max(walls):.2f}), {statistics.median(one.cpu_s for one in rounds):.2f} s of CPU, peak "
        f"{max(one.peak_mb for one in rounds):.0f} MB",
        flush=True,
    )
    return median


def main() -> None:
    """Measure the rounds of both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of ours (default 5)")
    parser.add_argument("--peer-rounds", type=int, default=2, help="of lm-eval (default 2)")
    parser.add_argument("--questions", type=int, default=1319, help="asked (default 1319)")
    given = parser.parse_args()
    mine: list[Round] = []
    theirs: list[Round] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = questions(given.questions, folder)
        with fake_endpoint({}, folder, default=42) as url:
            timed(ours(url, data, folder), folder)  # compiles the modules
            for number in range(max(given.rounds, given.peer_rounds)):
                if number < given.rounds:
                    mine.append(timed(ours(url, data, folder), folder))
                if number < given.peer_rounds:
                    theirs.append(timed(lm_eval(url, data, folder), folder))
    print(f"{given.questions} questions, 8-shot, concurrency {CONCURRENCY}")
    ours_s = report("ours", mine)
    if theirs:
        print(f"lm-eval takes {report('lm-eval', theirs) / ours_s:.1f} times as long")


if __name__ == "__main__":
    main()
