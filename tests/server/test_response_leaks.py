"""Nothing hidden is in a response, its events, the store, or what is sealed.

The thinking of every reply carries a word that stands nowhere else; it is looked for in every byte
that leaves the server and in every byte that the server keeps, the database's own files included.
Complaints 10, 13 and 17 of other servers' users: reasoning that leaks in Responses, that differs
between streaming and not, and events of reasoning that are wrong or missing.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.errors import EngineError
from server.responses.background import unpack
from server.responses.store import ResponseStore
from server.settings import Settings
from tests.fakes import Script
from tests.live import LiveServer

WORD = "planted"
THOUGHT = f"{WORD} a\n<reflection>\n{WORD} no\n</reflection>\n<output {WORD}> </outpu {WORD}"
FIELDS: tuple[dict[str, Any], ...] = (
    {},
    {"stream": True},
    {"background": True, "stream": True},
    {"include": ["reasoning.encrypted_content"]},
    {"include": ["reasoning.encrypted_content"], "stream": True},
    {"reasoning": {"summary": "auto", "effort": "high"}, "stream": True},
    {"max_output_tokens": 3},
    {"include_reasoning": True},
    {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "AAAA"}]},
)


def scripts(server: LiveServer) -> list[Script]:
    """Return replies that end well, are cut, fail in their thinking, and are not well-formed."""
    whole = server.script("7 apples", THOUGHT)
    half = whole.token_ids[: len(whole.token_ids) // 2]
    return [
        whole,
        replace(whole, finish_reason="length"),
        replace(whole, error=EngineError("The engine failed."), fail_after=len(half)),
        replace(whole, error=RuntimeError(WORD), fail_after=len(half)),
        Script(half, "length"),
        Script(half, "abort"),
        Script(server.encode(f"{WORD} {WORD}")),
    ]


def visit(client: httpx.Client, fields: dict[str, Any]) -> list[bytes]:
    """Make a response and look at it in every way there is."""
    answer = client.post("/v1/responses", json={"model": "tiny", "input": "Hello"} | fields)
    seen = [answer.content]
    for id in {part[:53] for part in answer.text.split('"') if part.startswith("resp_")}:
        path = f"/v1/responses/{id}"
        urls = (path, f"{path}/input_items", f"{path}?stream=true")
        seen += [client.get(url).content for url in urls]
        again = {"model": "tiny", "input": "And?", "previous_response_id": id}
        seen.append(client.post("/v1/responses", json=again).content)
        seen.append(client.post(f"{path}/cancel").content)
    return seen


def test_no_byte_of_a_response_or_of_what_is_kept_has_hidden_text(
    make_server: Callable[..., LiveServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server(Settings(data=tmp_path, keep_alive_s=0.01, admission_s=0.05))
    seen: list[bytes] = []
    with server.client() as client:
        for script in scripts(server):
            server.engine.script = lambda _, script=script: script  # type: ignore[misc]
            for fields in FIELDS:
                seen += visit(client, fields)
        seen.append(client.get("/metrics").content)
    server.wait_until(lambda: server.num_unfinished == 0)
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    seen += [file.read_bytes() for file in files]
    ours = [record for record in caplog.records if not record.name.startswith("httpcore")]
    formatter = logging.Formatter()
    lines = [formatter.format(record) for record in ours]
    # What a test's own exception says is the test's: the server logs where it was raised.
    seen += [line.replace(f"RuntimeError: {WORD}", "").encode() for line in lines]
    assert [blob for blob in seen if WORD.encode() in blob.lower()] == []
    whole = b"\n".join(seen)
    for sign in (b"7 apples", b"response.failed", b"response.incomplete", b"encrypted_content"):
        assert sign in whole
    assert any(b"7 apples" in file.read_bytes() for file in files)


def test_the_events_that_are_kept_and_the_seals_hold_no_hidden_text(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = make_server(Settings(data=tmp_path))
    server.say("7 apples", THOUGHT)
    body = {"model": "tiny", "input": "Hello", "include": ["reasoning.encrypted_content"]}
    with server.client() as client:
        text = client.post("/v1/responses", json=body | {"background": True, "stream": True}).text
    last = json.loads(text.rstrip().rpartition("data: ")[2])["response"]
    store = ResponseStore(f"sqlite:///{tmp_path / 'responses.db'}")
    kept = store.find("anonymous", last["id"])
    store.close()
    assert kept is not None
    assert kept.events is not None
    assert WORD not in json.dumps([kept.response, kept.context, unpack(kept.events)])
    assert "7 apples" in json.dumps(unpack(kept.events))
    sealed = base64.urlsafe_b64decode(last["output"][0]["encrypted_content"])
    assert WORD.encode() not in sealed


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_streaming_and_not_agree_on_the_reasoning(
    finish_reason: Any, make_server: Callable[..., LiveServer]
) -> None:
    server = make_server()
    server.say("7 apples", WORD, finish_reason=finish_reason)
    body = {"model": "tiny", "input": "Hello"}
    with server.client() as client:
        whole = client.post("/v1/responses", json=body).json()
        text = client.post("/v1/responses", json=body | {"stream": True}).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    last = events[-1]["response"]
    assert last["usage"] == whole["usage"]
    kinds = [[item["type"] for item in response["output"]] for response in (last, whole)]
    assert kinds == [["reasoning", "message"]] * 2
    reasoning = [e for e in events if e.get("output_index") == 0]
    names = [event["type"] for event in reasoning]
    assert names == ["response.output_item.added", "response.output_item.done"]
