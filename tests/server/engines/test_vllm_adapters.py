"""vLLM holds every adapter that is served or still writes, and is asked for no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.engines.vllm_adapters import VllmAdapters
from server.errors import NotFound, RequestError

pytest.importorskip("vllm", reason="vLLM is not installed")


class Llm:
    """What vLLM holds, by its own numbers."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.errored = False

    async def add_lora(self, lora: Any) -> None:
        if lora.lora_path == "broken":
            raise ValueError("no adapter")
        self.held.append(lora.lora_int_id)

    async def remove_lora(self, id: int) -> None:
        self.held.remove(id)


async def test_one_that_is_removed_while_it_writes_stays_until_its_last_reply_ends() -> None:
    llm = Llm()
    adapters = VllmAdapters(llm, 1)
    await adapters.add("tuned", Path("a"))
    async with adapters.lent("tuned") as lora:
        async with adapters.lent("tuned"):
            await adapters.remove("tuned")
            with pytest.raises(NotFound):
                async with adapters.lent("tuned"):
                    pass
        assert llm.held == [lora.lora_int_id]
        with pytest.raises(RequestError, match="at most 1"):
            await adapters.add("other", Path("b"))
    assert llm.held == []


async def test_an_older_one_of_the_same_name_goes_alone() -> None:
    llm = Llm()
    adapters = VllmAdapters(llm, 2)
    await adapters.add("tuned", Path("a"))
    async with adapters.lent("tuned") as old:
        await adapters.remove("tuned")
        await adapters.add("tuned", Path("b"))
        async with adapters.lent("tuned") as new:
            assert new.lora_int_id != old.lora_int_id
    assert llm.held == [new.lora_int_id]


async def test_no_more_are_taken_than_vllm_holds() -> None:
    llm = Llm()
    adapters = VllmAdapters(llm, 2)
    with pytest.raises(ValueError, match="no adapter"):
        await adapters.add("broken", Path("broken"))
    await adapters.add("a", Path("a"))
    await adapters.add("b", Path("b"))
    with pytest.raises(RequestError, match="--max-cpu-loras"):
        await adapters.add("c", Path("c"))
    await adapters.remove("a")
    await adapters.add("c", Path("c"))
    assert len(llm.held) == 2


async def test_a_server_without_room_says_what_makes_some() -> None:
    with pytest.raises(RequestError, match="without --max-loras"):
        await VllmAdapters(Llm(), 0).add("a", Path("a"))
    async with VllmAdapters(Llm(), 0).lent(None) as lora:
        assert lora is None


async def test_a_dead_engine_is_not_asked_to_remove_anything() -> None:
    llm = Llm()
    adapters = VllmAdapters(llm, 1)
    await adapters.add("tuned", Path("a"))
    async with adapters.lent("tuned"):
        await adapters.remove("tuned")
        llm.errored = True
    assert len(llm.held) == 1
