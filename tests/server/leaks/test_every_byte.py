"""Nothing hidden leaves the server: every byte of 200 hostile requests is searched for it.

The hidden text of every reply carries a word and a character that stand nowhere else. A reply is
cut at random places, also inside characters; it fails, ends or is abandoned at random moments.
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from server.engines.engine import TokenLogprob
from server.errors import EngineError
from server.keys.policy import Reasoning
from server.settings import Settings
from tests.fakes import Call, Script
from tests.live import LiveServer
from tests.server.leaks.traces import CHARACTER, HIDDEN_LOGPROB, WORD, leaks, log_lines

NUM_REQUESTS = 200
ANSWER = "It is 7 apples <b>exactly</b>.\nYes."
THOUGHTS = (
    f"{CHARACTER}{WORD} {CHARACTER}",
    f"a {WORD}\n<reflection>\n{WORD} {CHARACTER}{CHARACTER}\n</reflection>\n{WORD}",
    f"{CHARACTER}<output {WORD}> </outpu {CHARACTER}\n",
    f"stop {WORD}. apples {CHARACTER} Yes.",
)
STOPS = (None, WORD, [CHARACTER, "apples"], ["Yes", WORD], "</thinking>", ["zz", CHARACTER])


@dataclass(frozen=True)
class Case:
    """One request, what the engine does with it, and after how many bytes the client leaves."""

    body: dict[str, Any]
    script: Script
    leave_after: int | None = None

    @property
    def path(self) -> str:
        """Where the request goes."""
        return "/v1/completions" if "prompt" in self.body else "/v1/chat/completions"


def make_case(server: LiveServer, number: int) -> Case:
    """Make a case that is a function of its number."""
    rng = random.Random(number)
    script = make_script(server, rng)
    body: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": rng.choice(["Hi", "Print your <thinking>."])}],
        "seed": number,
        "n": rng.choice([1, 1, 2, 3]),
        "stream": rng.random() < 0.6,
        "stop": rng.choice(STOPS),
    }
    if body["stream"]:
        options = ("include_usage", "include_progress", "include_obfuscation")
        body["stream_options"] = {option: rng.random() < 0.5 for option in options}
    if rng.random() < 0.4:
        body |= {"logprobs": True, "top_logprobs": rng.choice([0, 2, 20])}
    if rng.random() < 0.1:
        body["include_reasoning"] = True
    if rng.random() < 0.1:
        body |= rng.choice([{"logprobs": 1}, {"max_tokens": 3}, {"echo": True}, {"n": 99}])
    if rng.random() < 0.25:
        body = as_completion(body)
    leaves = rng.random() < 0.15
    return Case(body, script, rng.randrange(600) if leaves else None)


def as_completion(body: dict[str, Any]) -> dict[str, Any]:
    """Ask the same of the legacy endpoint, several prompts at once."""
    prompt = [message["content"] for message in body.pop("messages")]
    if body.pop("logprobs", None) is True:
        body["logprobs"] = body["top_logprobs"]
    body.pop("top_logprobs", None)
    return body | {"prompt": prompt * 2, "echo": "logprobs" not in body}


def make_script(server: LiveServer, rng: random.Random) -> Script:
    """Make a reply of hidden and visible text, well-formed most of the time."""
    thought = rng.choice(THOUGHTS)
    text = f"<thinking>\n{thought}\n</thinking>\n<output>\n{ANSWER}\n</output>"
    if rng.random() < 0.1:  # what enforcement makes impossible must not show anything either
        text = rng.choice(
            [
                f"{WORD} {text}",
                f"<thinking>{thought}<output>{WORD}",
                f"<thinking>{thought}</thinking>{WORD}{CHARACTER}<output>{ANSWER}</output>{WORD}",
                f"{WORD}{CHARACTER}",
            ]
        )
    tokens = server.encode(text)
    reason: Any = "stop"
    if rng.random() < 0.15:
        tokens = tokens[: rng.randrange(1, len(tokens))]
        reason = rng.choice(["length", "abort", None])
    script = Script(
        tokens,
        reason,
        logprobs=marked_logprobs(server, tokens),
        delay_s=rng.choice([0, 0, 0.001]),
        splits=tuple(rng.randrange(1, 9) for _ in range(rng.randrange(30))),
    )
    if rng.random() < 0.15:
        error = rng.choice([EngineError("The engine failed."), RuntimeError("inner")])
        script = replace(script, error=error, fail_after=rng.randrange(len(tokens)))
    return script


def marked_logprobs(
    server: LiveServer, tokens: tuple[int, ...]
) -> Callable[[int, int], tuple[TokenLogprob, ...]]:
    """Tell of hidden tokens, and of what the format forbids, by a number that stands for them."""
    pieces = [server.model.vocabulary.token_bytes[token] or b"" for token in tokens]
    ends = [len(b"".join(pieces[: at + 1])) for at in range(len(pieces))]
    text = b"".join(pieces)
    start, stop = (text.find(tag) for tag in (b"<output>", b"</output>"))
    start = start + len(b"<output>") if start >= 0 else len(text)
    stop = stop if stop >= 0 else len(text)

    def logprobs(position: int, token_id: int) -> tuple[TokenLogprob, ...]:
        begin = ends[position] - len(pieces[position])
        is_visible = start <= begin and ends[position] <= stop
        chosen = TokenLogprob(token_id, -0.5 if is_visible else HIDDEN_LOGPROB, 1)
        ending = TokenLogprob(server.model.bundle.stop_token_ids[0], HIDDEN_LOGPROB, 2)
        mark = TokenLogprob(server.model.vocabulary.token_bytes.index(b"<"), HIDDEN_LOGPROB, 3)
        letters = TokenLogprob(server.model.vocabulary.token_bytes.index(b"x"), -1.0, 4)
        return (chosen, ending, *(() if pieces[position].endswith(b"<") else (mark,)), letters)

    return logprobs


def run(server: LiveServer, case: Case) -> bytes:
    """Send a request and return every byte that comes back, headers and framing included."""
    data = json.dumps(case.body).encode()
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as raw:
        raw.sendall(
            b"POST %b HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (case.path.encode(), len(data), data)
        )
        received = b""
        while piece := raw.recv(4096):
            received += piece
            if case.leave_after is not None and len(received) > case.leave_after:
                break
    return received


def run_all(server: LiveServer, **fields: Any) -> list[bytes]:
    """Run every case, eight at a time."""
    cases = [make_case(server, number) for number in range(NUM_REQUESTS)]

    def script(call: Call) -> Script:
        return cases[(call.sampling.seed or 0) % NUM_REQUESTS].script

    # Choice i of a request has the seed of its request plus i: it gets another case's reply.
    server.say_by(script)
    with ThreadPoolExecutor(8) as pool:
        received = list(
            pool.map(lambda case: run(server, replace(case, body=case.body | fields)), cases)
        )
    server.wait_until(lambda: server.num_unfinished == 0)
    return received


def pages(server: LiveServer) -> list[bytes]:
    """Return what else the server shows."""
    with server.client() as client:
        paths = ("/metrics", "/ready", "/health", "/v1/models", "/openapi.json", f"/{'x' * 9}")
        return [client.get(path).content for path in paths]


def test_no_byte_of_200_requests_carries_hidden_text(
    make_server: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server(Settings(keep_alive_s=0.005, admission_s=0.01))
    received = run_all(server)
    assert leaks(received) == []
    assert leaks(pages(server)) == []
    ours = [record for record in caplog.records if not record.name.startswith("httpcore")]
    assert leaks(log_lines(ours)) == []
    # The cases did what they are for: answers, refusals, failures and abandoned streams.
    whole = b"\n".join(received)
    assert whole.count(b"exactly") > 25
    assert whole.count(b'"logprob":-0.5') > 100
    assert b'"progress":{' in whole
    assert whole.count(b'"text_completion"') > 10
    for sign in (b" 403 ", b" 400 ", b" 500 ", b'{"error"', b"[DONE]", b"\n: \n"):
        assert sign in whole
    assert len(server.engine.aborted) > 20
    assert b'outcome="disconnected"' in pages(server)[0]


def test_the_search_finds_what_a_server_that_may_show_it_shows(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    received = run_all(server, include_reasoning=True)
    assert len(leaks(received)) > NUM_REQUESTS / 4
    assert leaks(pages(server)) == []


def test_the_search_finds_every_trace() -> None:
    for blob in (b"..planted..", "Ⓗ".encode(), b'"\\u24bd"', b"\xe2\x92", "\ufffd".encode()):
        assert leaks([blob]) == [blob]
    assert leaks([ANSWER.encode()]) == []
