"""Readiness: whether a server can answer yet, by the probe that ours has beside its API."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from client.errors import EndpointError

READY_S, POLL_S, PROBE_S = 1800.0, 0.5, 5.0
LOADING, MAX_BYTES = 503, 10_000


def wait_until_ready(
    base_url: str, say: Callable[[str], None], ready_s: float = READY_S, poll_s: float = POLL_S
) -> None:
    """Wait while the server at `base_url` says that it is loading.

    Returns at once where it is ready, has no such probe, or does not answer: what asks next says
    so. Raises EndpointError if it is loading after `ready_s`.
    """
    deadline_s = time.monotonic() + ready_s
    is_said = False
    while (found := probe(base_url)) and found[0] == LOADING:
        if time.monotonic() > deadline_s:
            raise EndpointError(f"the server was not ready after {ready_s:g} s: {found[1]}")
        if not is_said:
            say(f"waiting for the server: {found[1]}")
            is_said = True
        time.sleep(poll_s)


def probe(base_url: str) -> tuple[int, str] | None:
    """Return the status of `/ready` beside the API and what it says; None for no answer."""
    url = f"{base_url.rstrip('/').removesuffix('/v1')}/ready"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_S) as response:
            return int(response.status), "ready"
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _reason(error)
    except (OSError, ValueError, http.client.HTTPException):  # the latter: no HTTP at all
        return None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(MAX_BYTES))["reason"])
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return "it does not say why it is not ready"
