"""The Responses API under OpenAI's names: what a client may send, what it receives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    StringConstraints,
    model_validator,
)

from server.protocol.answer_format import JsonObjectFormat, NamedSchema, TextFormat
from server.protocol.fields import (
    Effort,
    Metadata,
    Positive,
    ReflectionOptions,
    Seed,
    Share,
    Temperature,
    check_stream_options,
)
from server.protocol.logprobs import MAX_TOP_LOGPROBS
from server.protocol.response_items import Input, Item
from server.protocol.response_tools import ResponseToolChoice, ResponseTools
from server.protocol.wire import Wire, conflict

SEALED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
# OpenAI's parameters that this server does not have, each with the values that ask for nothing.
UNSUPPORTED: Mapping[str, tuple[Any, ...]] = {
    "access_programs": (),
    "context_management": ([],),
    "conversation": (),
    "image": (),
    "max_tool_calls": (),
    "moderation": (),
    "prompt": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "service_tier": ("auto", "default"),
    "truncation": ("disabled",),
}
Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
Identifier = Annotated[str, StringConstraints(max_length=512)]


class FlatSchemaFormat(NamedSchema):
    """A JSON document that a schema permits."""

    type: Literal["json_schema"]


class TextOptions(Wire):
    """What the text of the answer must be."""

    NEUTRAL = {"verbosity": ("medium",)}  # noqa: RUF012  (a ClassVar of Wire)

    format: (
        Annotated[TextFormat | JsonObjectFormat | FlatSchemaFormat, Field(discriminator="type")]
        | None
    ) = None


class ReasoningOptions(Wire):
    """How long the model may think; of summaries the best there is, which is none."""

    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        "context": ("auto", "current_turn"),
        "generate_summary": ("auto",),
        "mode": ("standard",),
        "summary": ("auto",),
    }

    effort: Effort | None = None


class ResponseStreamOptions(Wire):
    """What a stream carries beside the answer."""

    NEUTRAL = {"include_obfuscation": (False,)}  # noqa: RUF012  (a ClassVar of Wire)


class ResponsesRequest(Wire):
    """The body of POST /v1/responses."""

    NEUTRAL = UNSUPPORTED
    REFUSED = dict.fromkeys(UNSUPPORTED, "")

    model: str
    input: Input
    instructions: str | None = None
    previous_response_id: str | None = None
    max_output_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    tools: ResponseTools | None = None
    tool_choice: ResponseToolChoice | None = None
    parallel_tool_calls: bool | None = None
    include: list[Literal["reasoning.encrypted_content", "message.output_text.logprobs"]] | None = (
        None
    )
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    metadata: Metadata | None = None
    user: Identifier | None = None
    safety_identifier: Identifier | None = None
    prompt_cache_key: Identifier | None = None
    seed: Seed | None = None
    reflection: ReflectionOptions | None = None

    @model_validator(mode="after")
    def _check_together(self) -> ResponsesRequest:
        if self.background and self.store is False:
            raise conflict("store", "'{param}' must be true in the background.")
        check_stream_options(self.stream_options, is_streamed=self.stream)
        return self

    @property
    def is_stored(self) -> bool:
        """Whether the response is kept: unless the request says no, as with OpenAI."""
        return self.store is not False

    @property
    def has_logprobs(self) -> bool:
        """Whether the answer's tokens come with their logarithmic probabilities."""
        return bool(self.top_logprobs) or LOGPROBS in (self.include or ())

    @property
    def is_sealed(self) -> bool:
        """Whether the reasoning item carries its seal."""
        return SEALED in (self.include or ())


class InputTokensDetails(BaseModel):
    """How the prompt's tokens divide; what the engine's cache saves is not told."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(BaseModel):
    """How the reply's tokens divide."""

    reasoning_tokens: int


class ResponseUsage(BaseModel):
    """What a response cost, in tokens."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseError(BaseModel):
    """Why a response failed."""

    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class IncompleteDetails(BaseModel):
    """Why a response is not complete."""

    reason: Literal["max_output_tokens"]


class Response(BaseModel):
    """The answer to POST /v1/responses; what the request said stands in it again."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Status
    background: bool
    completed_at: int | None = None
    error: ResponseError | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None = None
    model: str
    output: list[Item]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: dict[str, str | None]
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    store: bool
    temperature: float
    text: dict[str, Any]
    tool_choice: Any
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None = None
    user: str | None
    metadata: dict[str, str]


class DeletedResponse(BaseModel):
    """The answer to DELETE /v1/responses/{id}."""

    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class ItemList(BaseModel):
    """A page of a response's input."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str
    last_id: str
    has_more: bool
