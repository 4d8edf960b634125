"""The plug-in in vLLM's own OpenAI server, on the demo model: what the adapters' README says.

The server is started once, as a user would start it; it knows nothing of ours but the name of the
logits processor, and the bundle by an environment variable.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from decoding.automaton import Automaton
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary
from server.engines.vllm_settings import ENVIRONMENT
from tests.conftest import MODELS, START_S
from tests.decoding.judge import is_well_formed, num_reflections

pytestmark = pytest.mark.engine

DEMO = MODELS / "demo"
QUESTION = "Ava has 7 apples. She buys 5 more. How many apples does Ava have?"
HOT: dict[str, Any] = {"temperature": 2.0, "max_tokens": 60}
FLAGS = {
    "--logits-processors": "decoding.adapters.vllm_v1:Enforcer",
    "--kv-cache-memory-bytes": "268435456",
    "--max-num-seqs": "16",
    "--dtype": "float32",
    "--distributed-executor-backend": "uni",
    "--model": str(DEMO),
    "--served-model-name": "demo",
    "--host": "127.0.0.1",
}


@dataclass(frozen=True)
class Reply:
    """One choice of a chat completion; the stock server shows the client all of it."""

    text: str
    finish_reason: str
    num_tokens: int

    @property
    def is_complete(self) -> bool:
        return self.finish_reason == "stop" and is_whole(self.text)


def is_whole(text: str) -> bool:
    """Tell whether a reply is one of the demo model's format, in which thinking is optional."""
    return is_well_formed(text.encode(), is_thinking_optional=True)


class Server:
    """vLLM's own server in a process of its own."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def post(self, path: str, reflection: Any, **request: Any) -> httpx.Response:
        body: dict[str, Any] = {"model": "demo"} | request
        if reflection is not None:
            body["vllm_xargs"] = {"reflection": reflection}
        return self.http.post(path, json=body)

    def chat(self, reflection: Any, question: str = QUESTION, **request: Any) -> httpx.Response:
        messages = [{"role": "user", "content": question}]
        return self.post("chat/completions", reflection, messages=messages, **request)

    def replies(self, reflection: Any, question: str = QUESTION, **request: Any) -> list[Reply]:
        response = self.chat(reflection, question, **request)
        assert response.status_code == 200, response.text
        body = response.json()
        num_tokens = body["usage"]["completion_tokens"]
        return [
            Reply(choice["message"]["content"], choice["finish_reason"], num_tokens)
            for choice in body["choices"]
        ]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, vacated: None, figures: list[str]
) -> Iterator[Server]:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    if not (DEMO / "config.json").is_file():
        pytest.skip("models/demo is not built: `make demo-model`")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # As `vllm serve`, which the CPU build's console script cannot run: it seeks another's metadata.
    command = [sys.executable, "-m", "vllm.entrypoints.launchers.api_server.entry"]
    command += [part for flag in FLAGS.items() for part in flag]
    command += ["--enforce-eager", "--port", str(port)]
    environment = ENVIRONMENT | {
        "OMP_NUM_THREADS": "1",
        "REFLECT_BUNDLE": str(DEMO),
        "TORCH_COMPILE_DISABLE": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    }
    log = tmp_path_factory.mktemp("stock") / "log"
    started_s = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=MODELS.parent,
            env=os.environ | environment,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(f"{url}/health", process, log)
        figures.append(f"stock vLLM on the demo model: {time.perf_counter() - started_s:.0f} s")
        with httpx.Client(base_url=f"{url}/v1", timeout=120, trust_env=False) as http:
            yield Server(http)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(url, trust_env=False, timeout=30).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline_s:
            pytest.fail(f"vLLM's server did not become ready:\n{log.read_text()[-4000:]}")
        time.sleep(0.25)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(DEMO, tags=Bundle.load(DEMO).format.tags)


@pytest.fixture(scope="module")
def least_tokens(vocabulary: Vocabulary) -> int:
    bundle = Bundle.load(DEMO)
    return Automaton.build(bundle.format, vocabulary, bundle.stop_token_ids).least_tokens()


def test_every_reply_is_complete_where_it_is_asked_for_and_only_there(server: Server) -> None:
    def replies(number: int) -> list[Reply]:
        asked = True if number % 2 else None
        return server.replies(asked, f"zz {number // 2}?", seed=number, **HOT)

    with ThreadPoolExecutor(12) as pool:
        written = list(pool.map(replies, range(48)))
    enforced = [reply for asked in written[1::2] for reply in asked]
    free = [reply for not_asked in written[0::2] for reply in not_asked]
    assert [reply for reply in enforced if not reply.is_complete] == []
    assert not all(reply.is_complete for reply in free)


def test_nothing_is_enforced_where_it_is_refused(server: Server) -> None:
    same = [server.replies(asked, "zz?", seed=5, **HOT) for asked in (None, False, "false")]
    assert same[0] == same[1] == same[2]


def test_every_max_tokens_from_the_least_is_kept(server: Server, least_tokens: int) -> None:
    for most in range(least_tokens, least_tokens + 24):
        (reply,) = server.replies(True, "zz?", temperature=2.0, max_tokens=most, seed=most)
        assert reply.is_complete
        assert reply.num_tokens <= most


def test_without_max_tokens_the_reply_has_what_is_left_of_the_context(server: Server) -> None:
    for num_left in (7, 20):
        prompt = [5] * (1024 - num_left)
        response = server.post("completions", True, prompt=prompt, max_tokens=None, temperature=2.0)
        choice = response.json()["choices"][0]
        assert choice["finish_reason"] == "stop"
        assert is_whole(choice["text"])


def test_a_budget_comes_as_json_text_and_lacks_what_is_the_default(server: Server) -> None:
    budget = json.dumps({"min_reflections": 2, "max_reflections": 2, "max_thinking_tokens": 30})
    for seed in range(4):
        (reply,) = server.replies(budget, seed=seed, **HOT)
        assert reply.is_complete
        assert num_reflections(reply.text.encode()) == 2
    (brief,) = server.replies('{"max_tokens": 12}', seed=1, **HOT)
    assert brief.is_complete
    assert brief.num_tokens <= 12


def test_an_answer_can_be_constrained(server: Server) -> None:
    asked = json.dumps({"answer": {"choice": ["yes", "no"]}})
    for seed in range(4):
        (reply,) = server.replies(asked, seed=seed, **HOT)
        assert re.search(r"<output>\n?(yes|no)\n?</output>$", reply.text)


def test_tokens_that_others_forbid_cannot_empty_a_row(
    server: Server, vocabulary: Vocabulary
) -> None:
    tags = ["<thinking>", "</thinking>", "<output>", "</output>"]
    stop, tag_ids = 712, range(714, 720)
    cases: list[dict[str, Any]] = [
        {"bad_words": tags},
        {"logit_bias": {str(token_id): -100 for token_id in (stop, *tag_ids)}},
        {"logit_bias": {str(stop): 100}},
        {"allowed_token_ids": [5, 6, 7]},
        {"allowed_token_ids": [stop]},
        {"repetition_penalty": 5.0, "presence_penalty": 2.0, "frequency_penalty": -2.0},
        {"top_k": 1},
        {"min_p": 1.0},
    ]
    for others in cases:
        (reply,) = server.replies(True, seed=3, **HOT, **others)
        assert reply.is_complete, others
    assert vocabulary.token_bytes[tag_ids[0]] == b"<thinking>"


def test_several_replies_streams_and_log_probabilities_go_with_it(server: Server) -> None:
    assert [reply.is_complete for reply in server.replies(True, n=3, **HOT)] == [True] * 3
    others: dict[str, Any] = {
        "logprobs": True,
        "top_logprobs": 3,
        "prompt_logprobs": 1,
        "echo": True,
    }
    assert server.replies(True, **HOT, **others)[0].is_complete
    whole = server.replies(True, seed=4, **HOT)[0].text
    lines = server.chat(True, seed=4, stream=True, **HOT).text.splitlines()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    parts = [event["choices"][0]["delta"].get("content") or "" for event in events]
    assert "".join(parts) == whole


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"min_tokens": 3}, "min_tokens of reflection"),
        ({"ignore_eos": True}, "ignore_eos cannot"),
        ({"stop": ["\n"]}, "stop cannot"),
        ({"stop_token_ids": [198]}, "stop_token_ids must be of"),
        ({"structured_outputs": {"choice": ["a"]}}, "structured_outputs cannot"),
        ({"response_format": {"type": "json_object"}}, "structured_outputs cannot"),
        ({"thinking_token_budget": 3}, "max_thinking_tokens of reflection"),
        ({"repetition_detection": {"max_pattern_size": 3, "min_count": 3}}, "would cut the reply"),
        ({"max_tokens": 3}, "max_tokens must be at least"),
    ],
)
def test_what_would_cut_the_reply_is_refused(
    server: Server, others: dict[str, Any], reason: str
) -> None:
    response = server.chat(True, **HOT | others)
    assert response.status_code == 400
    assert reason in response.text


@pytest.mark.parametrize(
    ("reflection", "reason"),
    [
        (7, "must be true, an object"),
        (["a"], "must be true, an object"),
        ("[" * 100_000, "JSON text"),
        ("{", "JSON text"),
        ('{"max_token": 3}', "not 'max_token'"),
        ('{"max_tokens": "60"}', "max_tokens must be an integer"),
        ('{"max_tokens": 61}', "must not be smaller than the budget"),
        (
            '{"max_thinking_tokens": 0, "min_reflections": 1}',
            "max_thinking_tokens must be at least",
        ),
        ('{"min_reflections": 3, "max_reflections": 2}', "max_reflections must be at least"),
        ('{"answer": {"regex": "("}}', "expected a closing"),
    ],
)
def test_a_malformed_budget_is_refused_with_what_is_expected(
    server: Server, reflection: Any, reason: str
) -> None:
    response = server.chat(reflection, **HOT)
    assert response.status_code == 400
    assert reason in response.text


def test_other_endpoints_take_it_too(server: Server) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    cases: dict[str, dict[str, Any]] = {
        "responses": {"input": QUESTION, "max_output_tokens": 60},
        "messages": {"messages": messages, "max_tokens": 9},
    }
    for path, request in cases.items():
        body = server.post(path, True, **request).json()
        text = body["output"][0]["content"] if path == "responses" else body["content"]
        assert is_whole(text[0]["text"])
