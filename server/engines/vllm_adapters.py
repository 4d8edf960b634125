"""VllmAdapters: the LoRA adapters that vLLM holds, each as long as it is served or writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server.errors import NotFound, RequestError


class VllmAdapters:
    """The adapters of one engine, by the names that requests give them.

    vLLM is never asked for one that it does not hold: it would read the adapter's folder again, in
    the middle of a step, and end with all its requests where the folder is gone. So as many are
    taken as it holds at once, and one that still writes is removed when it has written.
    """

    def __init__(self, llm: Any, most: int) -> None:
        """Begin with none; most: how many vLLM holds."""
        self._llm = llm
        self._most = most
        self._served: dict[str, Any] = {}
        self._num_replies: Counter[int] = Counter()  # that an adapter writes, by vLLM's number
        self._last_id = 0

    async def add(self, name: str, folder: Path) -> None:
        """Load an adapter; raises RequestError where there is no room, or what vLLM raises.

        vLLM's own name for it is never used twice, as its caches may know the name.
        """
        if not self._most:
            raise RequestError("This server was started without --max-loras, so it has no room.")
        held = {lora.lora_int_id for lora in self._served.values()} | self._num_replies.keys()
        if len(held) >= self._most:
            raise RequestError(
                f"This server holds at most {self._most} adapters: unload one, or start it with "
                "more --max-loras or --max-cpu-loras."
            )
        from vllm.lora.request import LoRARequest

        self._last_id += 1
        lora = LoRARequest(f"{name}@{self._last_id}", self._last_id, str(folder))
        await self._llm.add_lora(lora)
        self._served[name] = lora

    async def remove(self, name: str) -> None:
        """Forget an adapter; the last reply that it writes removes it."""
        lora = self._served.pop(name)
        if lora.lora_int_id not in self._num_replies:
            await self._llm.remove_lora(lora.lora_int_id)

    @asynccontextmanager
    async def lent(self, name: str | None) -> AsyncIterator[Any]:
        """Hand out an adapter for one reply, None for none; raises NotFound."""
        if name is None:
            yield None
            return
        lora = self._served.get(name)
        if lora is None:
            raise NotFound("The model does not exist.", param="model")
        id = lora.lora_int_id
        self._num_replies[id] += 1
        try:
            yield lora
        finally:
            self._num_replies[id] -= 1
            if not self._num_replies[id]:
                del self._num_replies[id]
                if self._served.get(name) is not lora and not self._llm.errored:
                    await self._llm.remove_lora(id)
