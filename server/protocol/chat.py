"""Chat completions under OpenAI's names: what a client may send, what it receives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from server.protocol import unsupported
from server.protocol.answer_format import ResponseFormat, StructuredOutputs
from server.protocol.fields import (
    BudgetHits,
    Effort,
    Factor,
    Metadata,
    NumChoices,
    Penalty,
    Positive,
    ReflectionOptions,
    Seed,
    Share,
    Stop,
    StreamOptions,
    Temperature,
    TopK,
    check_stream_options,
)
from server.protocol.logprobs import MAX_TOP_LOGPROBS, LogitBias, Logprobs
from server.protocol.messages import Message
from server.protocol.tools import (
    MAX_TOOLS,
    Tool,
    ToolCall,
    ToolChoice,
    ToolUse,
    check_calls,
    check_tools,
    tool_use,
)
from server.protocol.wire import Wire, conflict

MAX_MESSAGES = 2048


class ChatCompletionRequest(Wire):
    """The body of POST /v1/chat/completions."""

    NEUTRAL, REFUSED = unsupported.NEUTRAL, unsupported.REASONS

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    n: NumChoices | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: Effort | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Factor | None = None
    logit_bias: LogitBias | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    service_tier: Literal["auto", "default"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: Metadata | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    reflection: ReflectionOptions | None = None
    include_reasoning: bool | None = None

    @model_validator(mode="after")
    def _check_together(self) -> ChatCompletionRequest:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise conflict("max_completion_tokens", "Set only one of 'max_tokens' and '{param}'.")
        is_free = self.response_format is None or self.response_format.type == "text"
        if self.structured_outputs is not None and not is_free:
            raise conflict("structured_outputs", "Set only one of 'response_format' and '{param}'.")
        check_stream_options(self.stream_options, is_streamed=self.stream)
        if self.top_logprobs and not self.logprobs:
            raise conflict("top_logprobs", "'{param}' is only allowed when 'logprobs' is true.")
        check_tools(self.tools, self.tool_choice)
        check_calls(self.messages)
        return self

    @property
    def num_characters(self) -> int:
        """About how much text there is for the prompt."""
        calls = (m.tool_calls or () for m in self.messages if m.role == "assistant")
        num_in_calls = sum(len(call.function.arguments) for each in calls for call in each)
        num_in_tools = len(str(self.tools)) if self.tools else 0
        return sum(len(m.text) for m in self.messages) + num_in_calls + num_in_tools

    @property
    def biases(self) -> dict[int, float]:
        """What is added to the logits of which token ids."""
        return {int(token_id): bias for token_id, bias in (self.logit_bias or {}).items()}

    @property
    def tool_use(self) -> ToolUse | None:
        """What the answer may call; None is nothing."""
        is_parallel = self.parallel_tool_calls is not False
        return tool_use(self.tools, self.tool_choice, is_parallel=is_parallel)


class CompletionTokensDetails(BaseModel):
    """How the completion's tokens divide."""

    reasoning_tokens: int


class Usage(BaseModel):
    """What a request cost, in tokens, summed over its choices."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionTokensDetails


class AnswerMessage(BaseModel):
    """The answer; reasoning, under one of two names, only where policy and request allow it."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(BaseModel):
    """One of the n answers."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length", "tool_calls"]
    budget_hits: BudgetHits = []
    """Our extension: the sections that a budget ended; left out where there are none."""


class ChatCompletion(BaseModel):
    """The answer to POST /v1/chat/completions without streaming."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    service_tier: Literal["default"] | None = None
    """There where the request has one."""
    system_fingerprint: str
    usage: Usage
