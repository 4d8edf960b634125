"""POST /tokenize and /detokenize: what they tell is what the engine gets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import LiveServer

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "A café <|eot_id|> 🙂?"},
]


def ask(server: LiveServer, path: str, **body: Any) -> Any:
    with server.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200
    return answer.json()


def test_messages_become_the_prompt_of_the_chat_that_sends_them(server: LiveServer) -> None:
    told = ask(server, "/tokenize", model="tiny", messages=MESSAGES)
    with server.client() as client:
        chat = client.post("/v1/chat/completions", json={"model": "tiny", "messages": MESSAGES})
    assert tuple(told["tokens"]) == server.engine.calls[0].prompt_token_ids
    assert told["count"] == len(told["tokens"]) == chat.json()["usage"]["prompt_tokens"]
    assert told["max_model_len"] == server.engine.max_model_len
    assert set(told) == {"count", "max_model_len", "tokens"}


def test_a_text_comes_back_as_it_was(server: LiveServer) -> None:
    text = "Überraschung <|eot_id|> 数学 🙂\n"
    plain = ask(server, "/tokenize", prompt=text, add_special_tokens=False, return_token_strs=True)
    assert ask(server, "/detokenize", tokens=plain["tokens"]) == {"prompt": text}
    assert len(plain["token_strs"]) == plain["count"]
    assert not set(plain["tokens"]) & set(server.model.bundle.stop_token_ids)
    special = ask(server, "/tokenize", prompt=text)["tokens"]
    assert special[-len(plain["tokens"]) :] == plain["tokens"]
    assert ask(server, "/tokenize", prompt="", add_special_tokens=False)["count"] == 0


def test_control_tokens_are_told_by_name(server: LiveServer) -> None:
    told = ask(server, "/tokenize", messages=MESSAGES, return_token_strs=True)
    assert told["token_strs"][0] == "<|begin_of_text|>"
    text = ask(server, "/detokenize", tokens=told["tokens"])["prompt"]
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.count("<|eot_id|>") == 3


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "a", "messages": MESSAGES}, "prompt"),
        ("/tokenize", {"prompt": 7}, "prompt"),
        ("/tokenize", {"prompt": "a", "tools": []}, "tools"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"messages": MESSAGES, "continue_final_message": True}, None),
        ("/tokenize", {"messages": [{"role": "tool", "content": "a", "tool_call_id": "x"}]}, None),
        ("/tokenize", {"prompt": "a", "model": "other"}, "model"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens[0]"),
        ("/detokenize", {"tokens": [10**9]}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "tokens[0]"),
        ("/detokenize", {"tokens": [1], "model": "other"}, "model"),
    ],
)
def test_what_is_wrong_is_named(
    path: str, body: dict[str, Any], param: str | None, server: LiveServer
) -> None:
    with server.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == (404 if "model" in body else 400)
    assert param is None or answer.json()["error"]["param"] == param
