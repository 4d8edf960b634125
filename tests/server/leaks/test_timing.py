"""While the model thinks a stream has comments on a fixed period, whatever it is that it thinks."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.live import LiveServer
from tests.server.leaks.traces import THOUGHT, leaks

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
URL = "/v1/chat/completions"
NUM_COMMENTS = 3


def before_the_answer(server: LiveServer, thought: str, **fields: Any) -> str:
    """Return what comes until the first text, while the engine is silent for some comments."""
    server.say("7", thought)
    server.engine.is_paused = True
    lines: list[str] = []
    with server.client() as client, client.stream("POST", URL, json=CHAT | fields) as response:
        for line in response.iter_lines():
            lines.append(line)
            is_enough = sum(each.startswith(":") for each in lines) >= NUM_COMMENTS
            server.engine.is_paused = not is_enough
    first = next(at for at, line in enumerate(lines) if '"content":"7' in line)
    return "\n".join(lines[:first])


@pytest.mark.parametrize("thought", ["", "Hm.", THOUGHT, "a long thought. " * 60])
def test_what_comes_before_the_answer_does_not_depend_on_the_thought(
    thought: str, planted: LiveServer
) -> None:
    silence = before_the_answer(planted, thought)
    assert leaks([silence.encode()]) == []
    comments = [line for line in silence.split("\n") if line.startswith(":")]
    assert len(comments) >= NUM_COMMENTS
    assert set(comments) == {": "}
    events = [json.loads(line[6:]) for line in silence.split("\n") if line.startswith("data: ")]
    assert [event["choices"][0]["delta"] for event in events] == [
        {"role": "assistant", "content": "", "refusal": None}
    ]


def test_progress_that_was_asked_for_is_numbers_and_the_name_of_the_section(
    planted: LiveServer,
) -> None:
    silence = before_the_answer(planted, THOUGHT * 3, stream_options={"include_progress": True})
    assert leaks([silence.encode()]) == []
    for found in re.findall(r'"progress":(\{.*?\})', silence):
        progress = json.loads(found)
        assert progress.keys() == {"section", "hidden_tokens", "elapsed_s"}
        assert progress["section"] in {"thinking", "reflection", "output"}
