"""Legacy completions under OpenAI's names: what a client may send, what it receives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from server.protocol import unsupported
from server.protocol.answer_format import ResponseFormat, StructuredOutputs
from server.protocol.chat import Usage
from server.protocol.fields import (
    BudgetHits,
    Effort,
    Factor,
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
from server.protocol.logprobs import MAX_TOP_LOGPROBS, LogitBias
from server.protocol.wire import Wire, conflict

MAX_PROMPTS = 64
UNSUPPORTED = {
    name: why
    for name, why in unsupported.UNSUPPORTED.items()
    if name not in {"best_of", "echo", "add_special_tokens", "verbosity", "modalities"}
} | {"suffix": unsupported.Refusal(("",), "the model writes what follows, not what fits between")}


def _as_prompts(prompt: Any) -> Any:
    """Return the prompts one by one, each a text or a list of token ids."""
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        raise _not_a_prompt()
    if all(_is_id(each) for each in prompt):
        return [prompt]
    if not all(isinstance(each, str) for each in prompt) and not all(map(_is_ids, prompt)):
        raise _not_a_prompt()
    return prompt


def _is_ids(prompt: Any) -> bool:
    return isinstance(prompt, list) and bool(prompt) and all(map(_is_id, prompt))


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _not_a_prompt() -> PydanticCustomError:
    return PydanticCustomError(
        "prompt",
        "it must be a string, a list of strings, a list of token ids or a list of such lists, "
        "none of them empty",
    )


TOKEN_IDS = {"type": "array", "items": {"type": "integer"}, "minItems": 1}
STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_PROMPTS}
LISTS = {"type": "array", "items": TOKEN_IDS, "minItems": 1, "maxItems": MAX_PROMPTS}
Prompts = Annotated[
    list[str | list[int]],
    Field(max_length=MAX_PROMPTS),
    BeforeValidator(_as_prompts),
    WithJsonSchema({"anyOf": [{"type": "string"}, STRINGS, TOKEN_IDS, LISTS]}),
]


class CompletionRequest(Wire):
    """The body of POST /v1/completions.

    Each prompt is what a user says, as the model only knows conversations; `max_tokens` is of the
    whole reply, the hidden thinking included.
    """

    NEUTRAL = {name: it.neutral for name, it in UNSUPPORTED.items()}  # noqa: RUF012  (a ClassVar)
    REFUSED = {name: it.why for name, it in UNSUPPORTED.items()}  # noqa: RUF012  (a ClassVar)

    model: str
    prompt: Prompts
    max_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    n: NumChoices | None = None
    best_of: NumChoices | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    echo: bool | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Factor | None = None
    logit_bias: LogitBias | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    user: str | None = None
    reasoning_effort: Effort | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    reflection: ReflectionOptions | None = None

    @model_validator(mode="after")
    def _check_together(self) -> CompletionRequest:
        if self.best_of not in (None, self.n or 1):
            raise conflict(
                "best_of", "'{param}' must be as large as 'n': all replies are returned."
            )
        if self.echo and self.logprobs is not None:
            raise conflict("logprobs", "'{param}' is of answers alone: leave it out, or 'echo'.")
        check_stream_options(self.stream_options, is_streamed=self.stream)
        return self


class LegacyLogprobs(BaseModel):
    """The tokens of an answer, field by field; offsets are in characters of the text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(BaseModel):
    """One of the answers; those of the first prompt come first."""

    index: int
    text: str
    logprobs: LegacyLogprobs | None = None
    finish_reason: Literal["stop", "length"] | None
    budget_hits: BudgetHits = []
    """Our extension: the sections that a budget ended; left out where there are none."""


class Completion(BaseModel):
    """The answer to POST /v1/completions, and each chunk of a stream."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    system_fingerprint: str
    usage: Usage | None = None
