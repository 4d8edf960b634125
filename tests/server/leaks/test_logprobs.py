"""Logprobs are told of the answer's tokens: never those of a hidden position, nor how many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import LiveServer
from tests.server.leaks.conftest import ANSWER
from tests.server.leaks.traces import THOUGHT, leaks

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "logprobs": True}
URL = "/v1/chat/completions"


def entries(text: str) -> Iterator[dict[str, Any]]:
    """Return the entries of an answer's logprobs, streamed or not."""
    lines = text.splitlines() if text.startswith("data:") else [f"data: {text}"]
    for line in lines:
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                yield from (choice.get("logprobs") or {}).get("content") or ()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", [None, "exactly"])
def test_every_logprob_is_of_a_position_of_the_answer(
    stream: bool, stop: str | None, planted: LiveServer
) -> None:
    script = planted.script(ANSWER, THOUGHT)
    opening = f"<thinking>\n{THOUGHT}\n</thinking>\n<output>"
    first_visible = len(planted.encode(opening, has_end=False))
    with planted.client() as client:
        answer = client.post(URL, json=CHAT | {"stream": stream, "stop": stop})
    assert answer.status_code == 200, answer.text
    # The scripted engine's numbers are those of the positions: -(position + 1) / 1024.
    positions = [round(-1024 * entry["logprob"]) - 1 for entry in entries(answer.text)]
    assert positions == sorted(positions)
    assert min(positions) >= first_visible - 1
    assert max(positions) < len(script.token_ids)
    written = "".join(entry["token"] for entry in entries(answer.text))
    assert (stop or ANSWER).strip() in f"{written}{stop}" if stop else ANSWER in written
    assert leaks([answer.content]) == []
