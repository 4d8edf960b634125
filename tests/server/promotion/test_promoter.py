"""A promotion changes the weights without dropping a request, or puts the old ones back."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from decoding.bundle import Bundle
from server.errors import EngineError
from server.fingerprint import fingerprint
from server.model import ServedModel
from server.settings import Settings
from tests.live import LiveServer
from tests.server.versions import CHAT, Versions, make_version, served

URL, PROMOTE = "/v1/chat/completions", "/admin/promote"
NUM_CLIENTS = 50


class House:
    """A live server on folder v1, with v2 beside it."""

    def __init__(self, model: ServedModel, source: Path, folder: Path, **settings: Any) -> None:
        self.old = make_version(source, folder / "v1", 1)
        self.new = make_version(source, folder / "v2", 2, name="renamed")
        self.versions = Versions(self.old.folder)
        made = served(model, self.old)
        self.server = LiveServer(
            made, Settings(**settings), bundle=self.old, engine=self.versions.engine()
        )
        self.marks = {"v1": fingerprint(self.old.folder), "v2": fingerprint(self.new.folder)}

    def promote(self, **body: object) -> httpx.Response:
        with self.server.client() as client:
            return client.post(PROMOTE, json={"folder": str(self.new.folder)} | body)

    def ask(self, **fields: object) -> httpx.Response:
        with self.server.client() as client:
            return client.post(URL, json=CHAT | fields)

    def is_truthful(self, answer: httpx.Response) -> bool:
        """Tell whether a whole reply came from the weights that it names; the text is these."""
        assert answer.status_code == 200, answer.text
        if answer.headers["content-type"].startswith("application/json"):
            body = answer.json()
            text, marks = body["choices"][0]["message"]["content"], {body["system_fingerprint"]}
        else:
            *events, done = [line[6:] for line in answer.text.splitlines() if line[:5] == "data:"]
            assert done == "[DONE]"
            chunks = [json.loads(event) for event in events]
            marks = {chunk["system_fingerprint"] for chunk in chunks}
            text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        return marks == {self.marks[text]}

    @property
    def served_mark(self) -> str:
        with self.server.client() as client:
            (entry,) = client.get("/v1/models").json()["data"]
        return str(entry["system_fingerprint"])


@pytest.fixture
def make_house(model: ServedModel, bundle: Bundle, tmp_path: Path) -> Any:
    houses: list[House] = []

    def make(**settings: Any) -> House:
        house = House(model, bundle.folder, tmp_path, **settings)
        house.server.__enter__()
        house.versions.install(house.server)
        houses.append(house)
        return house

    yield make
    for house in houses:
        house.server.__exit__(None, None, None)


MakeHouse = Callable[..., House]


def test_new_weights_are_served_under_the_old_name_and_tell_their_own_fingerprint(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    assert house.is_truthful(house.ask())
    answer = house.promote()
    assert answer.status_code == 200
    body = answer.json()
    assert (body["previous_fingerprint"], body["fingerprint"]) == tuple(house.marks.values())
    assert house.ask().json()["choices"][0]["message"]["content"] == "v2"
    assert house.is_truthful(house.ask(stream=True))
    assert house.served_mark == house.marks["v2"]
    with house.server.client() as client:
        state = client.get(PROMOTE).json()
        assert state["last"] == body
        assert state["stage"] is None
        assert 'reflect_promotions_total{outcome="promoted"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("how", ["broken", "wrong"])
def test_weights_that_cannot_be_loaded_or_fail_the_canary_are_taken_back(
    how: str, make_house: MakeHouse
) -> None:
    house = make_house()
    getattr(house.versions, how).add("v2")
    answer = house.promote()
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "rolled_back"
    reason = {"broken": "could not be loaded", "wrong": "golden reply 0"}[how]
    assert reason in answer.json()["error"]["message"]
    assert house.server.engine.reloads == [house.new.folder, house.old.folder]
    assert house.ask().json()["choices"][0]["message"]["content"] == "v1"
    assert house.served_mark == house.marks["v1"]
    with house.server.client() as client:
        assert client.get("/ready").status_code == 200
        assert client.get(PROMOTE).json()["error"] == answer.json()["error"]["message"]
        assert 'reflect_promotions_total{outcome="rolled_back"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("how", ["broken", "wrong"])
def test_where_the_old_weights_cannot_be_put_back_nothing_is_served_until_others_are(
    how: str, make_house: MakeHouse
) -> None:
    house = make_house()
    house.versions.broken.add("v2")
    getattr(house.versions, how).add("v1")
    answer = house.promote()
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "promotion_failed"
    refused = house.ask()
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    with house.server.client() as client:
        assert client.get("/ready").json()["status"] == "refused"
        assert client.get("/health").status_code == 200
    house.versions.broken.clear()
    assert house.promote().status_code == 200
    assert house.is_truthful(house.ask())


@pytest.mark.parametrize("error", [EngineError("vLLM is busy"), RuntimeError("inner")])
def test_where_the_engine_cannot_be_paused_the_old_weights_serve_on(
    error: Exception, make_house: MakeHouse
) -> None:
    house = make_house()
    engine = house.server.engine
    pause = engine.pause

    async def fail_to_pause() -> None:
        await pause()
        raise error

    engine.pause = fail_to_pause  # type: ignore[method-assign]
    answer = house.promote()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_paused")
    assert "the old weights serve" in answer.json()["error"]["message"]
    assert engine.reloads == []
    assert house.is_truthful(house.ask())
    with house.server.client() as client:
        assert client.get("/ready").status_code == 200
    engine.pause = pause  # type: ignore[method-assign]
    assert house.promote().status_code == 200
    assert house.served_mark == house.marks["v2"]


def test_where_the_engine_cannot_be_paused_for_a_rollback_nothing_is_served(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.versions.wrong.add("v2")
    engine = house.server.engine
    pause = engine.pause

    async def pause_once() -> None:
        if engine.reloads:
            raise EngineError("vLLM is busy")
        await pause()

    engine.pause = pause_once  # type: ignore[method-assign]
    answer = house.promote()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "promotion_failed")
    assert house.ask().status_code == 503


def test_an_engine_that_dies_while_it_loads_is_not_served(make_house: MakeHouse) -> None:
    house = make_house()

    def die(_: Path) -> None:
        house.server.engine.is_healthy = False
        raise MemoryError

    house.server.engine.on_reload = die
    assert house.promote().status_code == 503
    with house.server.client() as client:
        assert client.get("/health").status_code == 503
        assert client.get("/ready").status_code == 503


def test_fifty_clients_lose_no_request_to_promotions(make_house: MakeHouse) -> None:
    house = make_house()
    house.versions.delay_s = 0.002
    is_over = threading.Event()

    def keep_asking(number: int) -> int:
        count = 0
        with house.server.client() as client:
            while not is_over.is_set() or count < 2:
                answer = client.post(URL, json=CHAT | {"stream": number % 2 == 0})
                assert house.is_truthful(answer)
                count += 1
        return count

    with ThreadPoolExecutor(NUM_CLIENTS) as pool:
        clients = [pool.submit(keep_asking, number) for number in range(NUM_CLIENTS)]
        try:
            house.server.wait_until(lambda: house.server.num_unfinished > 10)
            answers = [house.promote(), house.promote(folder=str(house.old.folder))]
            house.versions.wrong.add("v2")
            answers.append(house.promote())
        finally:
            is_over.set()
        assert all(client.result() >= 2 for client in clients)
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert sum(answer.json().get("num_held", 0) for answer in answers) > 0


def test_what_runs_ends_with_the_old_weights_and_what_comes_gets_the_new(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.server.engine.is_paused = True
    with ThreadPoolExecutor(3) as pool:
        stream: Future[httpx.Response] = pool.submit(house.ask, stream=True)
        house.server.wait_until(lambda: house.server.num_unfinished == 1)
        promotion = pool.submit(house.promote)
        house.server.wait_until(lambda: stage(house) == "waiting")
        later = pool.submit(house.ask)
        house.server.wait_until(lambda: house.server.service.gate.num_held == 1)
        assert house.server.engine.reloads == []
        with house.server.client() as client:
            assert client.get("/ready").status_code == 200
        house.server.engine.is_paused = False
        assert house.is_truthful(stream.result())
        assert promotion.result().json()["num_held"] == 1
        assert later.result().json()["choices"][0]["message"]["content"] == "v2"


def test_all_prompts_of_a_request_are_answered_by_the_weights_that_it_names(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    service = house.server.service
    num_settled = 0

    async def settle(*_: object) -> None:
        nonlocal num_settled
        num_settled += 1
        while num_settled == 2 and house.server.app.state.promoter.stage != "waiting":  # noqa: ASYNC110  (a fake may poll)
            await asyncio.sleep(0.002)

    service.answers.settle = settle  # type: ignore[method-assign, assignment]
    with ThreadPoolExecutor(1) as pool, house.server.client() as client:
        body = {"model": "tiny", "prompt": ["a", "b", "c"]}
        asked = pool.submit(client.post, "/v1/completions", json=body)
        house.server.wait_until(lambda: num_settled == 2)
        assert house.promote().status_code == 200
        completion = asked.result().json()
    assert [choice["text"] for choice in completion["choices"]] == ["v1"] * 3
    assert completion["system_fingerprint"] == house.marks["v1"]
    assert house.served_mark == house.marks["v2"]


def stage(house: House) -> str | None:
    with house.server.client() as client:
        found: str | None = client.get(PROMOTE).json()["stage"]
    return found


def test_there_is_one_promotion_at_a_time_and_its_client_may_leave(make_house: MakeHouse) -> None:
    house = make_house()
    house.server.engine.is_paused = True
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ask)
        house.server.wait_until(lambda: house.server.num_unfinished == 1)
        with house.server.client() as client, pytest.raises(httpx.ReadTimeout):
            client.post(PROMOTE, json={"folder": str(house.new.folder)}, timeout=0.3)
        second = house.promote()
        assert second.status_code == 409
        assert second.json()["error"]["code"] == "promotion_running"
        house.server.engine.is_paused = False
        assert house.is_truthful(running.result())
        house.server.wait_until(lambda: house.served_mark == house.marks["v2"])


def test_replies_that_run_too_long_end_the_promotion_not_themselves(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.server.engine.is_paused = True
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ask)
        house.server.wait_until(lambda: house.server.num_unfinished == 1)
        answer = house.promote(wait_s=0.05)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "replies_running"
        house.server.engine.is_paused = False
        assert house.is_truthful(running.result())
    assert house.server.engine.reloads == []
    assert house.is_truthful(house.ask())


@pytest.mark.parametrize("is_wrong", [False, True])
def test_sigterm_lets_the_promotion_and_all_that_wait_for_it_end_well(
    is_wrong: bool, make_house: MakeHouse
) -> None:
    house = make_house()
    if is_wrong:
        house.versions.wrong.add("v2")
    house.server.engine.is_paused = True
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(house.ask)
        house.server.wait_until(lambda: house.server.num_unfinished == 1)
        promotion = pool.submit(house.promote)
        house.server.wait_until(lambda: stage(house) == "waiting")
        held = [pool.submit(house.ask, stream=is_stream) for is_stream in (True, False)]
        house.server.wait_until(lambda: house.server.service.gate.num_held == 2)
        house.server.server.handle_exit(signal.SIGTERM, None)
        house.server.wait_until(lambda: house.server.service.is_draining)
        late = house.ask()
        assert late.status_code == 503
        assert late.headers["connection"] == "close"
        assert house.promote().status_code == 409
        house.server.engine.is_paused = False
        assert all(house.is_truthful(future.result()) for future in (running, *held))
        assert promotion.result().status_code == (422 if is_wrong else 200)
    house.server.wait_until(lambda: house.server.is_stopped)
    assert house.server.engine.is_closed


def test_a_server_that_stops_at_once_breaks_off_the_promotion(make_house: MakeHouse) -> None:
    house = make_house()
    house.server.engine.is_paused = True
    with house.server.post_raw(CHAT), ThreadPoolExecutor(1) as pool:
        pool.submit(house.promote)
        house.server.wait_until(lambda: stage(house) == "waiting")
        for _ in range(2):
            house.server.server.handle_exit(signal.SIGTERM, None)
            house.server.wait_until(lambda: house.server.service.is_draining)
        house.server.wait_until(lambda: house.server.is_stopped)
    assert house.server.engine.reloads == []


def test_adapters_of_the_old_weights_are_unloaded_first(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    house = make_house()
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with house.server.client() as client:
        sent = {"lora_name": "tuned", "lora_path": str(tmp_path)}
        assert client.post("/v1/load_lora_adapter", json=sent).status_code == 200
        answer = house.promote()
        assert answer.status_code == 409
        assert "unload tuned first" in answer.json()["error"]["message"]
        client.post("/v1/unload_lora_adapter", json={"lora_name": "tuned"})
    assert house.promote().status_code == 200


def test_an_adapter_that_is_being_loaded_and_a_promotion_keep_out_of_each_others_way(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    house = make_house()
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    is_asked, may_go_on = threading.Event(), threading.Event()

    async def add_slowly(name: str, folder: Path) -> None:
        is_asked.set()
        await asyncio.to_thread(may_go_on.wait)
        house.server.engine.adapters[name] = folder

    house.server.engine.add_adapter = add_slowly  # type: ignore[method-assign]

    def load() -> httpx.Response:
        with house.server.client() as client:
            sent = {"lora_name": "tuned", "lora_path": str(tmp_path)}
            return client.post("/v1/load_lora_adapter", json=sent)

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        house.server.wait_until(is_asked.is_set)
        answer = house.promote()
        may_go_on.set()
        assert loading.result().status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "adapters_changing")
    assert house.server.engine.reloads == []


def test_what_a_promotion_held_goes_nowhere_when_it_is_broken_off(make_house: MakeHouse) -> None:
    house = make_house()
    loops: list[asyncio.AbstractEventLoop] = []

    async def reload_for_ever(folder: Path) -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.Event().wait()

    house.server.engine.reload = reload_for_ever  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        pool.submit(house.promote)
        house.server.wait_until(lambda: bool(loops))
        num_calls = len(house.server.engine.calls)
        held = pool.submit(house.ask)
        house.server.wait_until(lambda: house.server.service.gate.num_held == 1)
        promoter = house.server.app.state.promoter
        asyncio.run_coroutine_threadsafe(promoter.close(), loops[0]).result()
        assert held.result().status_code == 503
    assert len(house.server.engine.calls) == num_calls


@pytest.mark.parametrize("is_untested", [False, True])
def test_a_bundle_without_golden_replies_needs_a_word(
    is_untested: bool, make_house: MakeHouse, bundle: Bundle, tmp_path: Path
) -> None:
    house = make_house()
    bare = make_version(bundle.folder, tmp_path / "bare", 3, golden_replies=())
    answer = house.promote(folder=str(bare.folder), is_untested=is_untested)
    assert answer.status_code == (200 if is_untested else 400)
    assert is_untested or "is_untested" in answer.json()["error"]["message"]


def test_budgets_that_no_request_could_keep_are_refused_before_anything_is_tried(
    make_house: MakeHouse, bundle: Bundle, tmp_path: Path
) -> None:
    house = make_house()
    tight = replace_budget(make_version(bundle.folder, tmp_path / "tight", 3))
    answer = house.promote(folder=str(tight))
    assert answer.status_code == 400
    assert "budgets" in answer.json()["error"]["message"]
    assert house.server.engine.reloads == []


def replace_budget(bundle: Bundle) -> Path:
    file = bundle.folder / "reflection.json"
    contract = json.loads(file.read_text())
    contract["budgets"]["max_tokens"] = 3
    file.write_text(json.dumps(contract))
    return bundle.folder
