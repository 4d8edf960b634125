"""translated: vLLM's exceptions as the server's, without a client's words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import EngineDead, EngineError, QueueFull, RequestError

logger = logging.getLogger(__name__)


@contextmanager
def translated(request_id: str) -> Iterator[None]:
    """Turn vLLM's exceptions into the server's."""
    from vllm.exceptions import GracefulHTTPError, VLLMClientError, VLLMError
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    try:
        yield
    except GracefulHTTPError as error:
        raise QueueFull("the engine's queue is full") from error
    except EngineDeadError as error:
        raise EngineDead("the engine has stopped") from error
    except VLLMClientError as error:
        # Its text quotes the value that it refuses.
        what = getattr(error, "parameter", None) or "no parameter named"
        kind = type(error).__name__
        logger.warning("%s: the engine refused it: %s (%s)", request_id, kind, what)
        raise RequestError(
            "The model's engine refuses the request: its prompt or a parameter is out of range."
        ) from error
    except (EngineGenerateError, VLLMError) as error:
        logger.error("%s: the engine failed it: %s", request_id, type(error).__name__)
        raise EngineError("the engine failed the request") from error
