"""Who may administer the server, and adapters that come and go as models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.errors import RequestError
from server.keys.keyring import Keyring
from server.keys.policy import Keys, Policy
from server.settings import Settings
from tests.fakes import Script
from tests.live import LiveServer

KEY = "a-key-of-somebody"
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}
LOAD, UNLOAD, PROMOTE = "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/admin/promote"
MakeServer = Callable[..., LiveServer]


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def keyed() -> Settings:
    return Settings(keys=Keys(frozenset({hashlib.sha256(KEY.encode()).digest()})))


def body(folder: Path, name: str = "tuned") -> dict[str, str]:
    return {"lora_name": name, "lora_path": str(folder)}


def test_a_key_that_is_no_administrators_is_refused_everything(make_server: MakeServer) -> None:
    server = make_server(keyed())
    with server.client(authorization=f"Bearer {KEY}") as client:
        answers = [client.post(path, json={}) for path in (PROMOTE, LOAD, UNLOAD)]
        answers.append(client.get(PROMOTE))
    assert [answer.status_code for answer in answers] == [403] * 4
    with server.client() as client:
        assert client.post(PROMOTE, json={}).status_code == 401


def test_an_administrators_key_may(make_server: MakeServer, adapter: Path) -> None:
    server = make_server(keyed())
    server.service.keyring = Keyring(keyed().keys, Policy(is_admin=True))
    with server.client(authorization=f"Bearer {KEY}") as client:
        assert client.post(LOAD, json=body(adapter)).status_code == 200
        assert client.post(PROMOTE, json={"folder": "/nowhere"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x-forwarded-for": "1.2.3.4"},
        {"forwarded": "for=1.2.3.4"},
        {"x-real-ip": "1.2.3.4"},
    ],
)
def test_without_keys_only_this_machine_itself_may(
    headers: dict[str, str], server: LiveServer
) -> None:
    with server.client() as client:
        assert client.get(PROMOTE).status_code == 200
        assert client.get(PROMOTE, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({}, "folder"),
        ({"folder": ""}, "folder"),
        ({"folder": "/nowhere", "wait_s": 0}, "wait_s"),
        ({"folder": "/nowhere", "force": True}, "force"),
        ({"folder": "/nowhere"}, "folder"),
    ],
)
def test_a_promotion_that_is_not_well_said_is_a_400(
    sent: dict[str, Any], param: str, server: LiveServer
) -> None:
    with server.client() as client:
        answer = client.post(PROMOTE, json=sent)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_replicas_cannot_be_changed_one_by_one(make_server: MakeServer, adapter: Path) -> None:
    server = make_server(Settings(is_replica=True))
    with server.client() as client:
        for path in (PROMOTE, LOAD):
            answer = client.post(path, json=body(adapter))
            assert answer.status_code == 409
            assert answer.json()["error"]["code"] == "replicated"


def test_an_adapter_is_a_model_of_its_own_name_with_its_own_fingerprint(
    make_server: MakeServer, adapter: Path
) -> None:
    server = make_server()
    with server.client() as client:
        loaded = client.post(LOAD, json=body(adapter))
        assert loaded.status_code == 200
        assert loaded.text == "Success: LoRA adapter 'tuned' added successfully."
        base, tuned = client.get("/v1/models").json()["data"]
        assert (base["id"], base["parent"]) == ("tiny", None)
        assert (tuned["id"], tuned["root"], tuned["parent"]) == ("tuned", "tiny", "tiny")
        assert client.get("/v1/models/tuned").json() == tuned
        answers = [client.post("/v1/chat/completions", json=CHAT | {"model": name}).json()
                   for name in ("tiny", "tuned")]  # fmt: skip
        assert [call.adapter for call in server.engine.calls] == [None, "tuned"]
        assert all(call.budget is not None for call in server.engine.calls)
        assert [a["model"] for a in answers] == ["tiny", "tuned"]
        marks = [answer["system_fingerprint"] for answer in answers]
        assert marks == [base["system_fingerprint"], tuned["system_fingerprint"]]
        assert len(set(marks)) == 2
        said = {"model": "tuned", "messages": CHAT["messages"]}
        counted = client.post("/v1/messages/count_tokens", json=said).json()
        assert counted == {"input_tokens": answers[1]["usage"]["prompt_tokens"]}
        assert client.post(UNLOAD, json={"lora_name": "tuned"}).status_code == 200
        gone = client.post("/v1/chat/completions", json=CHAT | {"model": "tuned"})
        assert gone.status_code == 404
        assert gone.json()["error"]["code"] == "model_not_found"
        assert client.get("/v1/models/tuned").status_code == 404
    assert server.engine.adapters == {}


def test_tokens_are_counted_for_an_adapter_too(make_server: MakeServer, adapter: Path) -> None:
    server = make_server(Settings(adapters={"tuned": adapter}))
    with server.client() as client:
        counts = [
            client.post("/v1/messages/count_tokens", json=CHAT | {"model": name}).json()
            for name in ("tiny", "tuned")
        ]
    assert counts[0] == counts[1]
    assert counts[0]["input_tokens"] > 0


def drop_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def spoil_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("[]")


def change_kind(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "PREFIX_TUNING"}')


def drop_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (drop_config, 404, "adapter_config.json"),
        (spoil_config, 400, "configuration"),
        (change_kind, 400, "PREFIX_TUNING"),
        (drop_weights, 404, "adapter_model.safetensors"),
    ],
)
def test_a_folder_that_is_no_adapter_is_refused_with_a_reason(
    change: Callable[[Path], None],
    status: int,
    words: str,
    make_server: MakeServer,
    adapter: Path,
) -> None:
    change(adapter)
    server = make_server()
    with server.client() as client:
        answer = client.post(LOAD, json=body(adapter))
        assert answer.status_code == status
        assert words in answer.json()["error"]["message"]
        assert len(client.get("/v1/models").json()["data"]) == 1


@pytest.mark.parametrize("name", ["tiny", "tuned"])
def test_a_name_is_given_once(name: str, make_server: MakeServer, adapter: Path) -> None:
    server = make_server()
    with server.client() as client:
        client.post(LOAD, json=body(adapter))
        answer = client.post(LOAD, json=body(adapter, name))
        assert answer.status_code == 409
        assert client.post(UNLOAD, json={"lora_name": "other"}).status_code == 404


def test_adapters_named_at_the_start_are_there_when_it_is_ready(
    make_server: MakeServer, adapter: Path
) -> None:
    server = make_server(Settings(adapters={"tuned": adapter}))
    server.engine.script = lambda _: Script((), None)
    with server.client() as client:
        assert client.get("/ready").status_code == 200
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [
            "tiny",
            "tuned",
        ]


def test_an_adapter_that_the_engine_does_not_take_is_no_model(
    make_server: MakeServer, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(name: str, folder: Path) -> None:
        raise RequestError(f"{name} does not fit the model.", param="lora_path")

    server = make_server()
    monkeypatch.setattr(server.engine, "add_adapter", refuse)
    with server.client() as client:
        answer = client.post(LOAD, json=body(adapter))
        assert answer.status_code == 400
        assert "does not fit" in answer.json()["error"]["message"]
        assert len(client.get("/v1/models").json()["data"]) == 1
