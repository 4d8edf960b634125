"""The server's exceptions; `server.protocol.errors` maps each to its HTTP answer."""

# ruff: noqa: N818  (an exception is named by what happened)
from __future__ import annotations


class ServerError(Exception):
    """A failure that the server answers with an error object; its message goes to the client."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Keep the sentence for the client, the request field at fault and a machine's code."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class RequestError(ServerError):
    """The request is wrong and would be wrong again."""


class Unauthorized(RequestError):
    """The request carries no valid API key."""


class Forbidden(RequestError):
    """The server's policy refuses what the request asks for."""


class NotFound(RequestError):
    """The route or the model does not exist."""


class MethodNotAllowed(RequestError):
    """The route exists, but not for this method."""


class RequestTooLarge(RequestError):
    """The request's body is over the limit."""


class UnsupportedMediaType(RequestError):
    """The request's body is not declared as JSON."""


class RateLimited(RequestError):
    """The key has had its share for now."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Say when it may succeed; None where it never can."""
        super().__init__(message, param=param, code=code)
        self.retry_after_s = retry_after_s


class TooManyRequests(RateLimited):
    """Requests are what the key has had enough of."""


class TooManyTokens(RateLimited):
    """Tokens are what the key has had enough of."""


class Conflict(RequestError):
    """The request is right, but not now: something else runs or stands in its place."""


class RolledBack(RequestError):
    """The folder's weights could not be served; the old ones are."""


class PromotionFailed(ServerError):
    """Neither the new weights nor the old ones can be served."""


class Unavailable(ServerError):
    """The server cannot take the request now: it loads, it drains, or it failed to load."""


class EngineError(ServerError):
    """The engine failed a request that was right."""


class QueueFull(EngineError):
    """The engine's queue is full; the request may succeed later."""


class EngineDead(EngineError):
    """The engine stopped and will not take requests again."""


class EngineRefused(EngineError):
    """The engine cannot be started as it was asked for; the message says what to change."""
