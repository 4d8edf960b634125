"""Turn: what an endpoint answered; Failure: why it did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the endpoint answered to one turn of the user.

    content: as it came; reasoning: only where the endpoint shows it
    usage: the numbers of OpenAI's, or None; latency_s: from sending to the last byte
    """

    content: str
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    latency_s: float = 0.0
    fingerprint: str | None = None

    @property
    def num_prompt_tokens(self) -> int | None:
        """Tokens read; None where the endpoint does not tell."""
        count = (self.usage or {}).get("prompt_tokens")
        return count if isinstance(count, int) else None

    @property
    def num_tokens(self) -> int | None:
        """Tokens written, thinking included; None where the endpoint does not tell."""
        count = (self.usage or {}).get("completion_tokens")
        return count if isinstance(count, int) else None

    @property
    def num_thinking_tokens(self) -> int | None:
        """Tokens thought, where the endpoint tells."""
        details = (self.usage or {}).get("completion_tokens_details")
        count = details.get("reasoning_tokens") if isinstance(details, dict) else None
        return count if isinstance(count, int) else None

    @property
    def reply(self) -> str | None:
        """The whole reply with its tags, as far as it was shown; None where it is hidden."""
        if self.reasoning is not None:
            return f"<thinking>{self.reasoning}</thinking>\n<output>{self.content}</output>"
        return self.content if "<thinking>" in self.content else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reply: the HTTP status (None: the connection) and what was said.

    code: OpenAI's name of the error, such as context_length_exceeded; None where there is none
    """

    message: str
    status: int | None = None
    code: str | None = None

    @property
    def told(self) -> str:
        """The status, where there is one, and what was said."""
        return self.message if self.status is None else f"{self.status}: {self.message}"
