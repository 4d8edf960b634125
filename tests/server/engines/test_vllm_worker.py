"""Weights that come under a running engine are exactly those of the folder; adapters too.

What is exact is told by transformers, on the folder itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from decoding.bundle import Bundle
from server.engines.vllm_engine import VllmEngine
from tests.conftest import MODELS
from tests.reload_in_vllm import greedy, put
from tests.weights import greedy_in_transformers, make_adapter, make_variant

ROOT = Path(__file__).resolve().parents[3]
PROMPTS = [[708, 710, 278, 711, 264, 505, 331], [708, 710, 290, 711, 100], [708, 5, 6, 7, 8, 9]]
LLAMA3_PROMPTS = [[128000, 1985, 374], [128000, 9906, 11, 1917]]
NUM_TOKENS = 40


@pytest.mark.engine
@pytest.mark.asyncio(loop_scope="session")
async def test_a_tied_head_follows_its_embedding(
    engine: VllmEngine, random_bundle: Bundle, tmp_path: Path
) -> None:
    old = random_bundle.folder
    new = make_variant(old, tmp_path / "new", 1)
    expected = {f: greedy_in_transformers(f, LLAMA3_PROMPTS, NUM_TOKENS) for f in (old, new)}
    assert expected[old] != expected[new]
    assert await greedy(engine, LLAMA3_PROMPTS, NUM_TOKENS) == expected[old]
    for folder in (new, old):
        await put(engine, folder)
        assert await greedy(engine, LLAMA3_PROMPTS, NUM_TOKENS) == expected[folder]


@pytest.mark.engine
@pytest.mark.usefixtures("vacated")
def test_an_untied_model_changes_weights_and_adapters_as_if_it_had_been_started_with_them(
    tmp_path: Path,
) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    demo = MODELS / "demo"
    if not (demo / "config.json").is_file():
        pytest.skip("models/demo is not built: `make demo-model`")
    old = make_variant(demo, tmp_path / "old", 1, is_tied=False)
    new = make_variant(demo, tmp_path / "new", 2, is_tied=False)
    merged = tmp_path / "merged"
    adapter = make_adapter(old, tmp_path / "adapter", merged)
    process = subprocess.run(
        [sys.executable, "-m", "tests.reload_in_vllm", old, new, adapter, str(NUM_TOKENS)],
        input=json.dumps(PROMPTS),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    lines = [line for line in process.stdout.splitlines() if line.startswith("replies:")]
    assert lines, process.stderr[-3000:]
    replies = json.loads(lines[0].removeprefix("replies:"))
    expected = {f: greedy_in_transformers(f, PROMPTS, NUM_TOKENS) for f in (old, new, merged)}
    assert len({json.dumps(each) for each in expected.values()}) == 3
    assert replies["old"] == replies["beside the adapter"] == replies["back"] == expected[old]
    assert replies["tuned"] == expected[merged]
    assert replies["new"] == expected[new]
    assert replies["removed"] is None
    assert "does not fit" in replies["refusal"]
    assert "could not be loaded" in replies["failure"]
