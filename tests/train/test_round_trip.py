"""The whole way by its own commands: recycle, score, build, sft, export, report, serve, eval."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decoding.bundle import Bundle
from tests.train.recycling.scripted_teacher import scripted_teacher

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "train" / "examples" / "alpaca.sh"
NUM_SAMPLES, NUM_ASKED, WAIT_S = 12, 8, 1800.0
CHANGES = [
    "build.generated=[{family='countdown',num=32}]",
    "export.self_test=4",
    "sft.method='lora'",
    "sft.lora.rank=8",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, vacated: None) -> tuple[Path, str]:
    """A run's folder after the example script, and what that printed."""
    pytest.importorskip("vllm", reason="vLLM is not installed")
    folder = tmp_path_factory.mktemp("round-trip")
    rows = [
        {
            "instruction": f"How can I get {n + 9} from {n}, 7 and 2?",
            "input": "",
            "output": f"{n} + 7 + 2 = {n + 9}",
        }
        for n in range(1, NUM_SAMPLES + 1)
    ]
    (folder / "alpaca.json").write_text(json.dumps(rows))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PYTHON": sys.executable, "PORT": str(port), "ASKED": str(NUM_ASKED)}
    changes = [f"run.dir={folder / 'run'}", *CHANGES]
    with scripted_teacher() as teacher:
        done = subprocess.run(
            [SCRIPT, folder / "alpaca.json", teacher, *changes],
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder / "run", done.stdout


def read(file: Path) -> Any:
    return json.loads(file.read_text())


@pytest.mark.engine
def test_what_was_tuned_is_what_is_served(run: tuple[Path, str]) -> None:
    folder, _ = run
    manifest, bundle = read(folder / "bundle" / "manifest.json"), Bundle.load(folder / "bundle")
    assert manifest["self_test"]["merge"]["greatest_change"] <= 1e-3
    # the server was ready: the engine wrote them too
    assert len(bundle.golden_replies) == manifest["num_golden"] > 0


@pytest.mark.engine
def test_every_sample_has_a_status_and_what_was_kept_was_taught(run: tuple[Path, str]) -> None:
    folder, _ = run
    lines = (folder / "recycled.jsonl").read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    assert len(samples) == NUM_SAMPLES
    assert {sample["status"] for sample in samples} == {"ok"}
    num_kept = sum(sample["kept"] for sample in samples)
    assert num_kept > 0
    assert sum(read(folder / "built" / "built.json")["rows"].values()) > 32 // 2


@pytest.mark.engine
def test_the_served_model_is_evaluated_and_every_reply_is_complete(run: tuple[Path, str]) -> None:
    folder, _ = run
    files = sorted((folder / "eval").rglob("samples.jsonl"))
    assert len(files) == 2
    for file in files:
        samples = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(samples) == NUM_ASKED


@pytest.mark.engine
def test_the_run_is_reported_on_one_page(run: tuple[Path, str]) -> None:
    assert "<html" in (run[0] / "report.html").read_text()
