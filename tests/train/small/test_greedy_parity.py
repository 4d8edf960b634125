"""The demo model writes the same greedy tokens in transformers and in vLLM, unenforced."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from decoding.bundle import Bundle
from problems.families import FAMILIES, draw
from problems.split import Split
from train.exporting.greedy import write_greedily
from train.small.sampling import load_model
from train.small.tokenizer import prompt_ids

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "models" / "demo"
NUM_PROMPTS, MAX_TOKENS, SEED = 64, 128, 64


@pytest.mark.engine
@pytest.mark.usefixtures("vacated")
def test_vllm_and_transformers_write_the_same_64_greedy_replies(figures: list[str]) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    stop = Bundle.load(FOLDER).stop_token_ids[0]
    model = load_model(FOLDER)
    prompts = [
        prompt_ids(tokenizer, problem.prompt)
        for family in FAMILIES
        for problem in draw(family, Split.FRESH, NUM_PROMPTS // len(FAMILIES), SEED)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.greedy_in_vllm", str(FOLDER), str(MAX_TOKENS)],
        input=json.dumps(prompts),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    replies = json.loads(done.stdout.rpartition("replies:")[2])
    ours = [list(write_greedily(model, each, MAX_TOKENS, [stop]).ids) for each in prompts]
    num_equal = sum(reply == other for reply, other in zip(ours, replies, strict=True))
    figures.append(f"greedy replies equal in vLLM and transformers: {num_equal} of {len(prompts)}")
    assert num_equal == NUM_PROMPTS
