"""The Messages API under Anthropic's names: what a client may send, what it receives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from server import errors
from server.protocol.errors import failure
from server.protocol.fields import (
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
    Positive,
    ReflectionOptions,
    Seed,
    Share,
)
from server.protocol.wire import Wire, conflict

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
BLOCKS = ("text", "tool_use", "tool_result", "thinking", "redacted_thinking")
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class TextBlock(Wire):
    """A piece of text; what asks for a cache of its own changes nothing here."""

    type: Literal["text"]
    text: str
    cache_control: dict[str, Any] | None = Field(default=None, exclude=True)
    citations: list[Any] | None = Field(default=None, exclude=True)


class ToolUseBlock(Wire):
    """A call of a tool in an earlier answer."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    cache_control: dict[str, Any] | None = Field(default=None, exclude=True)
    caller: dict[str, Any] | None = Field(default=None, exclude=True)


def _as_blocks(content: Any) -> Any:
    """Turn a plain string into one block; refuse kinds of blocks that are not there by name."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise PydanticCustomError("content", "it must be a string or a list of blocks")
    for block in content:
        if not isinstance(block, dict) or block.get("type") not in BLOCKS:
            raise PydanticCustomError(
                "content", "only blocks of type {types} are supported", {"types": ", ".join(BLOCKS)}
            )
    return content


Text = Annotated[list[TextBlock], BeforeValidator(_as_blocks, json_schema_input_type=Any)]


class ToolResultBlock(Wire):
    """What a tool returned."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: Text | None = None
    is_error: bool | None = Field(default=None, exclude=True)
    cache_control: dict[str, Any] | None = Field(default=None, exclude=True)


class ThinkingBlock(Wire):
    """Thinking of an earlier answer, wherever it came from: read and dropped."""

    type: Literal["thinking", "redacted_thinking"]
    thinking: str | None = Field(default=None, exclude=True)
    signature: str | None = Field(default=None, exclude=True)
    data: str | None = Field(default=None, exclude=True)


Block = Annotated[
    TextBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock, Field(discriminator="type")
]


class Turn(Wire):
    """What one side said."""

    role: Literal["user", "assistant"]
    content: Annotated[list[Block], BeforeValidator(_as_blocks, json_schema_input_type=Any)]


class CustomTool(Wire):
    """A tool of the client's."""

    NEUTRAL = {"defer_loading": (False,)}  # noqa: RUF012  (a ClassVar of Wire)

    name: str
    description: str | None = None
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    strict: bool | None = None
    cache_control: dict[str, Any] | None = Field(default=None, exclude=True)


class ToolSelection(Wire):
    """Which tools must or may be used."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None

    @model_validator(mode="after")
    def _check_name(self) -> ToolSelection:
        if (self.name is not None) != (self.type == "tool"):
            raise conflict(
                "tool_choice.name", "'{param}' is needed with the type 'tool', and only there."
            )
        return self


class Thinking(Wire):
    """Whether and how long the model may think; what it thinks is not shown either way."""

    NEUTRAL = {"display": ("omitted",)}  # noqa: RUF012  (a ClassVar of Wire)

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Positive | None = None


class Metadata(Wire):
    """Whose request it is, in the client's words: read and dropped."""

    user_id: str | None = None


class CountTokensRequest(Wire):
    """The body of POST /v1/messages/count_tokens."""

    NEUTRAL = {"cache_control": (), "mcp_servers": ([],), "output_config": ({},)}  # noqa: RUF012

    model: str
    messages: Annotated[list[Turn], Field(min_length=1)]
    system: Text | None = None
    tools: list[CustomTool] | None = None
    tool_choice: ToolSelection | None = None
    thinking: Thinking | None = None


class MessagesRequest(CountTokensRequest):
    """The body of POST /v1/messages."""

    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        **CountTokensRequest.NEUTRAL,
        "container": (),
        "inference_geo": (),
        "service_tier": ("auto", "standard_only"),
        "top_k": (),
    }

    max_tokens: Positive
    stop_sequences: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]],
            Field(max_length=MAX_STOPS),
        ]
        | None
    ) = None
    stream: bool | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    metadata: Metadata | None = None
    seed: Seed | None = None
    reflection: ReflectionOptions | None = None


class TokensCount(BaseModel):
    """The answer to POST /v1/messages/count_tokens."""

    input_tokens: int


class ThinkingTokens(BaseModel):
    """How the output's tokens divide."""

    thinking_tokens: int


class MessageUsage(BaseModel):
    """What a message cost, in tokens; the thinking is in the output's."""

    input_tokens: int
    output_tokens: int
    output_tokens_details: ThinkingTokens
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


class AnthropicMessage(BaseModel):
    """The answer to POST /v1/messages."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    model: str
    content: list[dict[str, Any]]
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    usage: MessageUsage


class AnthropicErrorDetail(BaseModel):
    """What went wrong."""

    type: str
    message: str


class AnthropicError(BaseModel):
    """The body of every answer that is not a success, as Anthropic writes it."""

    type: Literal["error"] = "error"
    error: AnthropicErrorDetail


def anthropic_error(error: errors.ServerError) -> AnthropicError:
    """Write an exception as Anthropic's error object."""
    status = failure(error).status
    kind = ERROR_TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    return AnthropicError(error=AnthropicErrorDetail(type=kind, message=error.message))
