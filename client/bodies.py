"""What the bodies of an endpoint say: a completion as a turn, an error's words, ids of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from client.turn import Turn

MAX_MESSAGE = 300
MAX_NUMBER = 2**53  # of usage: more is no count


def read_turn(content: bytes, latency_s: float) -> Turn:
    """Read a chat completion; raises what a reply of another form provokes."""
    reply = json.loads(content)
    choice = reply["choices"][0]
    message = choice["message"]
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    return Turn(
        content=_text(message.get("content")),
        reasoning=_text(reasoning) if reasoning else None,
        finish_reason=_string(choice.get("finish_reason")),
        usage=_usage(reply.get("usage")),
        latency_s=latency_s,
        fingerprint=_string(reply.get("system_fingerprint")),
    )


def error_message(content: bytes) -> str:
    """Return what an error's body says, shortened; OpenAI's form or any other."""
    try:
        error = json.loads(content)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, LookupError, TypeError, RecursionError):
        said = content[: 4 * MAX_MESSAGE].decode(errors="replace")
    text = " ".join(_text(str(said)).split())
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"


def error_code(content: bytes) -> str | None:
    """Return the code in an error's body of OpenAI's form; None in any other."""
    try:
        return _string(json.loads(content)["error"]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def model_ids(content: bytes) -> list[str]:
    """Return the ids of a list of models; none of a body of another form."""
    try:
        return [_text(str(model["id"])) for model in json.loads(content)["data"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []


def _usage(told: Any) -> dict[str, Any] | None:
    """Keep the numbers, also those one level down: what else servers add is no usage."""
    if not isinstance(told, dict):
        return None
    parts = {_text(name): value for name, value in told.items()}
    details = {name: _numbers(value) for name, value in parts.items() if isinstance(value, dict)}
    return _numbers(parts) | details


def _numbers(told: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {_text(name): value for name, value in told.items() if type(value) in {int, float}}
    return {name: value for name, value in numbers.items() if 0 <= value <= MAX_NUMBER}


def _string(value: Any) -> str | None:
    return _text(value) if isinstance(value, str) else None


def _text(content: Any) -> str:
    """Return a message's text: a string, or the text parts of a list; half surrogates replaced."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        return ""
    if content.isascii():
        return content
    return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
