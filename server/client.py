"""open_client: a connection to a running server, for the commands that talk to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

CONNECT_S = 5.0


def open_client(base_url: str, key: str | None, silence_s: float) -> httpx.Client:
    """Return a client that sends the key, where there is one, and bears so long a silence."""
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx.Timeout(silence_s, connect=CONNECT_S)
    return httpx.Client(base_url=base_url, headers=headers, timeout=timeout)
