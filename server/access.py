"""Access: gives every request its id, counts it, logs a line on it, and lets nothing escape."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.error_answers import error_document
from server.errors import ServerError
from server.keys.policy import Caller
from server.protocol.chat import Usage
from server.records.logs import request_id, trace_of
from server.records.metrics import Outcome
from server.records.tracing import describe, request_span
from server.service import Service

logger = logging.getLogger(__name__)

INTERNAL = "The server had an error while processing the request."
CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
QUIET = frozenset({"/health", "/ready", "/metrics"})
OUTCOMES = {
    401: Outcome.UNAUTHORIZED,
    404: Outcome.NOT_FOUND,
    429: Outcome.RATE_LIMITED,
    499: Outcome.DISCONNECTED,
    500: Outcome.FAILED,
    503: Outcome.UNAVAILABLE,
}


class Access:
    """ASGI middleware around the whole application.

    Routes leave `outcome` and `usage` in the scope's state where the status does not tell them.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        """Wrap the application."""
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever it raises becomes an error object and a log line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        id = _request_id(scope)
        token = request_id.set(id)
        status = 0
        started_s = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                added = [(b"x-request-id", id.encode()), *self._rate_headers(state)]
                if self._service.is_draining:  # so that clients connect to another server
                    added.append((b"connection", b"close"))
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        self._service.in_flight.begin()
        with request_span(scope, self._service.tracer) as span:
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:  # noqa: BLE001  (nothing escapes)
                logger.error("the request failed: %s", trace_of(error))
                state["outcome"] = Outcome.FAILED
                if not status:
                    await _send_internal_error(scope.get("path", ""), send_with_id)
            finally:
                self._service.in_flight.end()
                fields = self._note(scope, status, time.perf_counter() - started_s)
                describe(span, scope.get("method", "HTTP"), fields | {"request_id": id})
                request_id.reset(token)

    def _rate_headers(self, state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
        caller: Caller | None = state.get("caller")
        return [] if caller is None else self._service.rates.headers(caller)

    def _note(self, scope: Scope, status: int, elapsed_s: float) -> dict[str, Any]:
        """Count and log the request; the route's own path stands for what the client wrote."""
        path = getattr(scope.get("route"), "path", "unknown route")
        state = scope["state"]
        outcome = state.get("outcome") or _outcome(status)
        self._service.metrics.requests.labels(path, outcome).inc()
        usage: Usage | None = state.get("usage")
        fields: dict[str, Any] = {"endpoint": path, "status": status, "outcome": str(outcome)}
        fields |= {"elapsed_s": round(elapsed_s, 6)} | _counts(usage)
        if caller := state.get("caller"):
            fields["key_id"] = caller.key_id
        level = logging.DEBUG if path in QUIET else logging.INFO
        tokens = "" if usage is None else f", {_tokens(usage)}"
        logger.log(
            level, "%s %d %s %.3f s%s", path, status, outcome, elapsed_s, tokens, extra=fields
        )
        return fields


def _request_id(scope: Scope) -> str:
    sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return sent if CLIENT_ID.fullmatch(sent) else f"req_{secrets.token_hex(12)}"


def _outcome(status: int) -> Outcome:
    if status in OUTCOMES:
        return OUTCOMES[status]
    return Outcome.OK if 0 < status < 400 else Outcome.INVALID if status else Outcome.FAILED


def _counts(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    hidden = usage.completion_tokens_details.reasoning_tokens
    return {
        "prompt_tokens": usage.prompt_tokens,
        "hidden_tokens": hidden,
        "visible_tokens": usage.completion_tokens - hidden,
    }


def _tokens(usage: Usage) -> str:
    form = "{prompt_tokens} prompt, {hidden_tokens} hidden and {visible_tokens} visible tokens"
    return form.format(**_counts(usage))


async def _send_internal_error(path: str, send: Send) -> None:
    body = json.dumps(error_document(path, ServerError(INTERNAL))).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
