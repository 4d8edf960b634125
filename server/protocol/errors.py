"""OpenAI's error object, and the one place that says which exception gets which status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from decoding.budget import BudgetError
from server import errors
from server.protocol.answer_format import FORMAT_TYPES
from server.protocol.messages import ROLES

MAX_NAME_CHARACTERS = 64
RETRY_AFTER_S = "5"


class ErrorDetail(BaseModel):
    """What went wrong, under OpenAI's names."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class Failure:
    """How a kind of exception is answered."""

    status: int
    type: str
    code: str | None = None
    headers: Mapping[str, str] | None = None


INVALID = "invalid_request_error"
# What tells the kinds of a thing apart -> its values; a path holds the value after the thing.
TAGS = {"role": ROLES, "type": FORMAT_TYPES}
TAGGED = {  # -> where in the path
    "input": 2,
    "messages": 2,
    "response_format": 1,
    "text": 2,
    "tool_choice": 1,
}
REPHRASED = re.compile("^(Input|List|Dictionary|String|Value) should")
RETRY = {"Retry-After": RETRY_AFTER_S}
# The most derived class that matches decides.
FAILURES: dict[type[errors.ServerError], Failure] = {
    errors.RequestError: Failure(400, INVALID),
    errors.Unauthorized: Failure(401, INVALID, "invalid_api_key", {"WWW-Authenticate": "Bearer"}),
    errors.Forbidden: Failure(403, INVALID, "not_allowed"),
    errors.NotFound: Failure(404, INVALID, "not_found"),
    errors.MethodNotAllowed: Failure(405, INVALID, "method_not_allowed"),
    errors.Conflict: Failure(409, INVALID, "conflict"),
    errors.RolledBack: Failure(422, INVALID, "rolled_back"),
    errors.RequestTooLarge: Failure(413, INVALID, "request_too_large"),
    errors.UnsupportedMediaType: Failure(415, INVALID, "unsupported_media_type"),
    errors.TooManyRequests: Failure(429, "requests", "rate_limit_exceeded"),
    errors.TooManyTokens: Failure(429, "tokens", "rate_limit_exceeded"),
    errors.Unavailable: Failure(503, "service_unavailable_error", "unavailable", RETRY),
    errors.QueueFull: Failure(503, "service_unavailable_error", "overloaded", RETRY),
    errors.EngineDead: Failure(503, "service_unavailable_error", "unavailable", RETRY),
    errors.PromotionFailed: Failure(503, "server_error", "promotion_failed"),
    errors.EngineError: Failure(500, "server_error"),
    errors.ServerError: Failure(500, "server_error"),
}


def failure(error: errors.ServerError) -> Failure:
    """Look up how an exception is answered."""
    return next(FAILURES[kind] for kind in type(error).__mro__ if kind in FAILURES)


def error_headers(error: errors.ServerError) -> dict[str, str]:
    """Return the headers of an error's answer, those that say whether to try again among them."""
    headers = dict(failure(error).headers or {})
    if isinstance(error, errors.RateLimited):
        again = error.retry_after_s
        headers |= {"x-should-retry": "false"} if again is None else {"Retry-After": str(again)}
    return headers


def error_body(error: errors.ServerError) -> ErrorBody:
    """Write an exception as OpenAI's error object."""
    how = failure(error)
    return ErrorBody(
        error=ErrorDetail(
            message=error.message, type=how.type, param=error.param, code=error.code or how.code
        )
    )


def request_error(error: ValidationError) -> errors.RequestError:
    """Say in one sentence what the first mistake of a request is, without repeating its values."""
    first = error.errors(include_url=False, include_context=True, include_input=False)[0]
    param = str(first.get("ctx", {}).get("param") or _param(first["loc"]))
    if first["type"].startswith("union_tag"):
        param += f".{_tag(first)}"
    return errors.RequestError(_sentence(first, param), param=param or None, code=_code(first))


def budget_error(error: BudgetError, sent: Mapping[str, str]) -> errors.RequestError:
    """Name a budget that cannot be kept as the client named it; `sent` has the names by field.

    Where the field at fault is the model's default, what is blamed is what does not fit to it.
    """
    if error.field == "messages":
        return errors.RequestError(
            f"Invalid 'messages': {error}.", param="messages", code="context_length_exceeded"
        )
    if error.field in sent:
        param = sent[error.field]
        code = "invalid_value" if error.least is None else "budget_too_small"
        return errors.RequestError(f"Invalid '{param}': {error}.", param=param, code=code)
    param = next(iter(sent.values()), "messages")
    return errors.RequestError(
        f"Invalid '{param}': it does not fit the model's default {error.field}: {error}.",
        param=param,
        code="invalid_value",
    )


def _sentence(error: ErrorDetails, param: str) -> str:
    match error["type"]:
        case "json_invalid":
            where = str(error.get("ctx", {}).get("error", ""))
            return f"The request body is not valid JSON: {where or 'it cannot be parsed'}."
        case "extra_forbidden":
            return f"Unrecognized request argument supplied: {param}."
        case "missing":
            return f"Missing required parameter: '{param}'."
        case "union_tag_invalid" | "union_tag_not_found":
            expected = ", ".join(map(repr, TAGS[_tag(error)]))
            return f"Invalid '{param}': it must be one of {expected}."
        case "unsupported" | "conflict":
            return error["msg"]
        case _ if not param:
            return "The request body must be a JSON object."
        case _:
            reason = error["msg"].replace(" after validation", "")
            return f"Invalid '{param}': {REPHRASED.sub('it should', reason)}."


def _tag(error: ErrorDetails) -> str:
    return str(error.get("ctx", {}).get("discriminator", "")).strip("'")


def _code(error: ErrorDetails) -> str | None:
    return {
        "json_invalid": "invalid_json",
        "extra_forbidden": "unknown_parameter",
        "unsupported": "unsupported_parameter",
        "missing": "missing_required_parameter",
    }.get(error["type"], "invalid_value")


def _param(location: tuple[int | str, ...]) -> str:
    """Write a location as a path; the tag of a union in it is pydantic's, not ours."""
    path = ""
    for at, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
        elif at == TAGGED.get(str(location[0])) and (location[0] != "messages" or part in ROLES):
            continue  # Anthropic's messages are not told apart
        else:
            name = part if len(part) <= MAX_NAME_CHARACTERS else part[:MAX_NAME_CHARACTERS] + "…"
            path += f".{name}" if path else name
    return path
