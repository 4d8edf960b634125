"""What an error's answer says: in OpenAI's form, or in that of the API that the client called."""

from __future__ import annotations

from typing import Any

from server.errors import ServerError
from server.protocol.anthropic import anthropic_error
from server.protocol.errors import error_body

ANTHROPIC = "/v1/messages"


def error_document(path: str, error: ServerError) -> dict[str, Any]:
    """Write an error for a client that called this path."""
    body = anthropic_error(error) if path.startswith(ANTHROPIC) else error_body(error)
    return body.model_dump()
