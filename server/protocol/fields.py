"""Fields that requests to several endpoints share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from server.protocol.wire import Wire, conflict

MAX_STOPS = 4
MAX_STOP_CHARACTERS = 1024
MAX_TOKENS = 2**31 - 1
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Count = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Positive = Annotated[int, Field(ge=1, le=MAX_TOKENS)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]
NumChoices = Annotated[int, Field(ge=1, le=128)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Factor = Annotated[float, Field(ge=0.01, le=100)]
TopK = Annotated[int, Field(ge=-1, le=MAX_TOKENS)]
BudgetHits = list[Literal["thinking", "answer"]]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=16),
]


def _as_list(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


STRING = {"type": "string", "minLength": 1}
Stop = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_STOP_CHARACTERS)]],
    Field(max_length=MAX_STOPS),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [STRING, {"type": "array", "items": STRING, "maxItems": MAX_STOPS}]}),
]


class StreamOptions(Wire):
    """What a stream carries beside the answer; `include_progress` is our extension."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    include_progress: bool | None = None


class ReflectionOptions(Wire):
    """Our extension: the budgets of one reply, in tokens and in numbers of reflections."""

    max_thinking_tokens: Count | None = None
    min_reflections: Count | None = None
    max_reflections: Count | None = None
    min_answer_tokens: Positive | None = None


def check_stream_options(options: Wire | None, *, is_streamed: bool | None) -> None:
    """Refuse options of a stream where none is asked for."""
    if options is not None and not is_streamed:
        raise conflict("stream_options", "'{param}' is only allowed when 'stream' is true.")
