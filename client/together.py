"""Coroutines side by side: the first error ends the others, or waits for them, and is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run them all to their ends and return what they do; nothing is left running in any case."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def to_their_ends(
    coroutines: Iterable[Coroutine[Any, Any, object]], on_error: Callable[[], None]
) -> None:
    """Run them all to their ends, whatever one of them raises; then raise the first error.

    on_error: called as soon as one is raised, so that the others may end early by themselves
    """
    errors: list[Exception] = []

    async def watch(coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001  (raised when nothing is under way any more)
            errors.append(error)
            on_error()

    await together(watch(coroutine) for coroutine in coroutines)
    if errors:
        raise errors[0]
