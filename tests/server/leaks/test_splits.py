"""Content and deltas are the answer alone wherever a reply is split, at every byte of it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.fakes import Call, Script
from tests.live import LiveServer
from tests.server.leaks.conftest import ANSWER
from tests.server.leaks.traces import THOUGHT, leaks

CHAT: Any = {"model": "tiny", "messages": [{"role": "user", "content": "How many?"}]}
URL = "/v1/chat/completions"


def give(script: Script, _: Call) -> Script:
    return script


def byte_tokens(server: LiveServer, text: str) -> tuple[int, ...]:
    """Encode every character by itself: several tokens where it has no token of its own."""
    ids = [i for character in text for i in server.encode(character, has_end=False)]
    return (*ids, server.model.bundle.stop_token_ids[0])


@pytest.mark.parametrize("stop", [None, ["zz", "Yes"]])
def test_a_reply_in_two_pieces_is_the_answer_whatever_the_pieces(
    stop: Any, planted: LiveServer
) -> None:
    text = f"<thinking>\n{THOUGHT}\n</thinking>\n<output>\n{ANSWER}\n</output>"
    ids = byte_tokens(planted, text)
    assert len(ids) > len(text)
    expected = ANSWER if stop is None else ANSWER.partition("Yes")[0]
    received = []
    with planted.client() as client:
        for at in range(1, len(ids)):
            planted.engine.script = partial(give, Script(ids, splits=(at, len(ids))))
            streamed = client.post(URL, json=CHAT | {"stream": True, "stop": stop})
            whole = client.post(URL, json=CHAT | {"stop": stop}) if at % 7 == 0 else streamed
            received += [streamed.content, whole.content]
            lines = [line[6:] for line in streamed.text.splitlines() if line.startswith("data: {")]
            deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
            assert "".join(delta.get("content") or "" for delta in deltas) == expected
            if whole is not streamed:
                assert whole.json()["choices"][0]["message"]["content"] == expected
    assert leaks(received) == []
