"""POST /v1/chat/completions over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from server.engines.engine import EngineStats
from server.errors import EngineDead, EngineError, QueueFull
from server.keys.policy import Reasoning
from server.settings import Settings
from tests.live import LiveServer

URL = "/v1/chat/completions"
HELLO = {"role": "user", "content": "How many apples?"}
THOUGHTS = "Let me count.\n<reflection>\nWait, planted.\n</reflection>\nDone."


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [HELLO]} | fields


def events(text: str) -> list[Any]:
    """Parse a stream's data events; [DONE] comes back as it is."""
    data = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def contents(chunks: list[Any], index: int = 0) -> str:
    choices = [choice for chunk in chunks[:-1] for choice in chunk["choices"]]
    return "".join(c["delta"].get("content", "") for c in choices if c["index"] == index)


def test_only_the_answer_comes_back(server: LiveServer) -> None:
    server.say("7 apples", THOUGHTS)
    with server.client() as client:
        answer = client.post(URL, json=body())
    completion = answer.json()
    assert answer.status_code == 200
    assert completion["object"] == "chat.completion"
    assert completion["model"] == "tiny"
    assert completion["id"].startswith("chatcmpl-")
    assert completion["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "7 apples", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert "planted" not in answer.text


def test_usage_is_exact_and_the_same_when_streaming(server: LiveServer) -> None:
    server.say("7 apples", THOUGHTS)
    with server.client() as client:
        usage = client.post(URL, json=body()).json()["usage"]
        streamed = client.post(
            URL, json=body(stream=True, stream_options={"include_usage": True})
        ).text
    head = f"<thinking>\n{THOUGHTS}\n</thinking>\n<output>"
    assert usage["completion_tokens"] == len(server.script("7 apples", THOUGHTS).token_ids)
    assert usage["completion_tokens_details"] == {
        "reasoning_tokens": len(server.encode(head, has_end=False))
    }
    assert usage["prompt_tokens"] == len(server.engine.calls[-1].prompt_token_ids)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    *_, last, done = events(streamed)
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"] == usage


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(server: LiveServer) -> None:
    server.say("7 apples\nin all", THOUGHTS)
    with server.client() as client:
        answer = client.post(URL, json=body(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "no-cache" in answer.headers["cache-control"]
    chunks = events(answer.text)
    assert chunks[-1] == "[DONE]"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-2]] == [None] * (len(chunks) - 2)
    assert contents(chunks) == "7 apples\nin all"
    assert len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks[:-1]}) == 1
    assert all("usage" not in chunk for chunk in chunks[:-1])


def test_with_usage_every_chunk_has_the_field(server: LiveServer) -> None:
    with server.client() as client:
        options = {"include_usage": True}
        answer = client.post(URL, json=body(stream=True, stream_options=options))
    assert [chunk["usage"] is None for chunk in events(answer.text)[:-2]].count(False) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_n_choices_come_back_each_with_its_own_answer(stream: bool, server: LiveServer) -> None:
    server.say_by(lambda call: server.script(f"answer {call.sampling.seed}"))
    with server.client() as client:
        answer = client.post(URL, json=body(n=3, seed=40, stream=stream))
    if stream:
        chunks = events(answer.text)
        texts = [contents(chunks, index) for index in range(3)]
    else:
        texts = [choice["message"]["content"] for choice in answer.json()["choices"]]
        one = len(server.script("answer 40").token_ids)
        assert answer.json()["usage"]["completion_tokens"] == 3 * one
    assert texts == ["answer 40", "answer 41", "answer 42"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop", ["count", ["Wait", " apples"]])
def test_stop_strings_see_the_answer_alone(
    stop: str | list[str], stream: bool, server: LiveServer
) -> None:
    server.say("I count 7 apples now", THOUGHTS)
    with server.client() as client:
        answer = client.post(URL, json=body(stop=stop, stream=stream))
    if stream:
        chunks = events(answer.text)
        text, reason = contents(chunks), chunks[-2]["choices"][0]["finish_reason"]
    else:
        (choice,) = answer.json()["choices"]
        text, reason = choice["message"]["content"], choice["finish_reason"]
    assert text == {"count": "I "}.get(str(stop), "I count 7")
    assert reason == "stop"
    server.wait_until(lambda: len(server.engine.aborted) == 1)


def test_an_answer_cut_by_max_tokens_is_complete_text_with_reason_length(
    server: LiveServer,
) -> None:
    size = len(server.script("7").token_ids)
    with server.client() as client:
        server.say("7")
        least = {"min_answer_tokens": 1}
        answer = client.post(URL, json=body(max_tokens=size, reflection=least))
    choice = answer.json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "7"


def test_an_empty_answer_is_an_empty_string_and_never_null(server: LiveServer) -> None:
    server.say("STOP")
    with server.client() as client:
        message = client.post(URL, json=body(stop="STOP")).json()["choices"][0]["message"]
    assert message["content"] == ""


def test_text_beyond_ascii_survives_streaming(server: LiveServer) -> None:
    text = "Überraschung 数学 🙂 \u2028 line"
    server.say(text)
    with server.client() as client:
        answer = client.post(URL, json=body(stream=True))
        assert contents(events(answer.text)) == text
        assert client.post(URL, json=body()).json()["choices"][0]["message"]["content"] == text
    assert "\u2028" not in answer.text


def test_the_engine_gets_the_budget_and_the_sampling(server: LiveServer) -> None:
    with server.client() as client:
        client.post(
            URL,
            json=body(
                temperature=1.5,
                top_p=0.3,
                seed=7,
                max_tokens=300,
                reflection={"max_thinking_tokens": 100, "min_reflections": 1},
            ),
        )
    (call,) = server.engine.calls
    assert call.budget is not None
    assert call.budget.max_thinking_tokens == 100
    assert call.budget.min_reflections == 1
    assert call.budget.max_tokens == call.sampling.max_tokens == 300
    assert (call.sampling.temperature, call.sampling.top_p, call.sampling.seed) == (1.5, 0.3, 7)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_aborts_its_request(stream: bool, server: LiveServer) -> None:
    server.say("7 apples", delay_s=0.05)
    with server.post_raw(body(stream=stream, n=2)):
        server.wait_until(lambda: server.num_unfinished == 2)
    server.wait_until(lambda: server.num_unfinished == 0)
    assert len(server.engine.aborted) == 2


def test_a_client_that_leaves_before_the_first_token_is_noticed_at_once(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(admission_s=60))
    server.say("7 apples", first_delay_s=60)
    with server.post_raw(body(stream=True, n=2)):
        server.wait_until(lambda: server.num_unfinished == 2)
    server.wait_until(lambda: server.num_unfinished == 0, timeout_s=10)
    with server.client() as client:
        server.wait_until(lambda: 'outcome="disconnected"' in client.get("/metrics").text)


def test_a_stream_of_which_one_choice_is_refused_gets_the_refusal_s_status(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(admission_s=30))
    refusal = server.script("x", error=QueueFull("The queue is full."), first_delay_s=0.2)
    reply = server.script("7 apples", delay_s=60)
    server.say_by(lambda call: reply if call.request_id.endswith("-0") else refusal)
    with server.client() as client:
        answer = client.post(URL, json=body(stream=True, n=2))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "overloaded"


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_the_engine_did_not_complete_is_never_an_answer(
    stream: bool, server: LiveServer
) -> None:
    tokens = server.encode("<thinking>planted</thinking>\n<output>\nhalf an")
    server.say_by(lambda _: replace(server.script("x"), token_ids=tokens))
    with server.client() as client:
        answer = client.post(URL, json=body(stream=stream))
    error = events(answer.text)[-1]["error"] if stream else answer.json()["error"]
    assert answer.status_code == (200 if stream else 500)
    assert (error["type"], error["code"]) == ("server_error", "incomplete")
    assert "planted" not in answer.text
    assert "finish_reason" not in answer.text or "stop" not in answer.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (QueueFull("The queue is full."), 503, "overloaded"),
        (EngineDead("The engine has stopped."), 503, "unavailable"),
        (EngineError("The engine failed."), 500, None),
        (RuntimeError("inner detail"), 500, None),
    ],
)
def test_an_engine_that_refuses_gets_a_status_also_for_a_stream(
    error: Exception, status: int, code: str | None, stream: bool, server: LiveServer
) -> None:
    server.say("x", error=error)
    with server.client() as client:
        answer = client.post(URL, json=body(stream=stream))
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert "inner detail" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_fails_midway_ends_the_reply_with_an_error(
    stream: bool, server: LiveServer
) -> None:
    server.say("7 apples", error=RuntimeError("inner detail"), fail_after=20)
    with server.client() as client:
        answer = client.post(URL, json=body(stream=stream))
    error = events(answer.text)[-1]["error"] if stream else answer.json()["error"]
    assert answer.status_code == (200 if stream else 500)
    assert error["type"] == "server_error"
    assert "inner detail" not in answer.text


def test_a_stream_is_kept_alive_while_it_thinks(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(keep_alive_s=0.05, admission_s=0.01))
    server.say("7 apples", first_delay_s=0.3)
    with server.client() as client:
        text = client.post(URL, json=body(stream=True)).text
    comments = [line for line in text.split("\n") if line.startswith(":")]
    assert 3 <= len(comments) <= 8
    assert set(comments) == {": "}
    assert contents(events(text)) == "7 apples"


def test_a_stream_without_keep_alive_has_no_comments(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(keep_alive_s=0))
    with server.client() as client:
        assert "\n:" not in client.post(URL, json=body(stream=True)).text


def test_reasoning_is_refused_where_the_policy_hides_it(server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post(URL, json=body(include_reasoning=True))
    assert answer.status_code == 403
    assert answer.json()["error"]["param"] == "include_reasoning"
    assert server.engine.calls == []


def test_reasoning_comes_where_policy_and_request_agree(
    make_server: Callable[..., LiveServer],
) -> None:
    server = make_server(Settings(reasoning=Reasoning.VISIBLE))
    server.say("7 apples", THOUGHTS)
    with server.client() as client:
        asked = client.post(URL, json=body(include_reasoning=True)).json()
        unasked = client.post(URL, json=body()).text
        streamed = events(client.post(URL, json=body(include_reasoning=True, stream=True)).text)
    message = asked["choices"][0]["message"]
    assert message["reasoning"] == THOUGHTS
    assert message["content"] == "7 apples"
    assert "planted" not in unasked
    assert "reasoning" not in json.loads(unasked)["choices"][0]["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed[:-1]]
    assert "".join(delta.get("reasoning", "") for delta in deltas) == THOUGHTS
    assert contents(streamed) == "7 apples"


def test_our_own_message_can_be_sent_back_as_history(server: LiveServer) -> None:
    with server.client() as client:
        message = client.post(URL, json=body()).json()["choices"][0]["message"]
        answer = client.post(URL, json=body(messages=[HELLO, message, HELLO]))
    assert answer.status_code == 200


def test_requests_do_not_disturb_each_other(server: LiveServer) -> None:
    server.say_by(
        lambda call: server.script(f"answer {call.sampling.seed}", "Hm. " * 5, delay_s=0.001)
    )
    with server.client() as client, ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda seed: client.post(URL, json=body(seed=seed)).json(), range(40))
        texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert texts == [f"answer {seed}" for seed in range(40)]
    assert server.engine.stats() == EngineStats(0, 0)


def test_a_long_prompt_does_not_hold_up_the_others(server: LiveServer) -> None:
    with server.client() as client:
        answer = client.post(URL, json=body(messages=[HELLO | {"content": "7 " * 15_000}]))
    assert answer.json()["error"]["code"] == "context_length_exceeded"


def test_a_client_that_stops_reading_is_dropped(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(Settings(send_timeout_s=0.2, keep_alive_s=0))
    big = server.encode("<thinking>a</thinking><output>", has_end=False)
    filler = server.encode("x" * 3000 + "</output>")
    script = server.script("x", first_delay_s=0)
    tokens = (*big, *filler)
    server.engine.script = lambda _: replace(script, token_ids=tokens, delay_s=0)
    with server.post_raw(body(stream=True, n=8)), server.client() as client:
        server.wait_until(lambda: server.num_unfinished == 0)
        server.wait_until(lambda: 'outcome="disconnected"' in client.get("/metrics").text)


def test_progress_comes_where_it_is_asked_for_before_the_answer(server: LiveServer) -> None:
    server.say("7 apples", THOUGHTS, delay_s=0.02)
    with server.client() as client:
        streams = [
            client.post(URL, json=body(stream=True, stream_options={"include_progress": asked}))
            for asked in (True, False)
        ]
    asked, plain = (events(stream.text) for stream in streams)
    progress = [chunk["progress"] for chunk in asked[:-1] if not chunk["choices"]]
    assert progress[-1]["section"] == "output"
    assert progress[0]["section"] in {"thinking", "reflection"}
    counts = [each["hidden_tokens"] for each in progress]
    assert counts == sorted(counts)
    head = f"<thinking>\n{THOUGHTS}\n</thinking>\n<output>"
    assert counts[-1] == len(server.encode(head, has_end=False))
    assert all(each["elapsed_s"] > 0 for each in progress)
    assert contents(asked) == contents(plain) == "7 apples"
    assert all("progress" not in chunk for chunk in plain[:-1])
    assert "planted" not in streams[0].text


@pytest.mark.parametrize("stream", [False, True])
def test_the_budgets_that_were_hit_are_named(stream: bool, server: LiveServer) -> None:
    server.say("7")
    size = len(server.script("7").token_ids)
    with server.client() as client:
        fields = {"max_tokens": size, "reflection": {"min_answer_tokens": 1}, "stream": stream}
        answer = client.post(URL, json=body(**fields))
        plain = client.post(URL, json=body())
    last = events(answer.text)[-2] if stream else answer.json()
    assert last["choices"][0]["budget_hits"] == ["answer"]
    assert "budget_hits" not in plain.json()["choices"][0]
