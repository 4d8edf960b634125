"""Logprobs under OpenAI's names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_TOP_LOGPROBS = 20
MAX_BIASES = 1024  # as many as vLLM's sampler has room for


class TopLogprob(BaseModel):
    """One of the most likely tokens at a position; `bytes` is what it adds to the text."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TopLogprob):
    """A token of the answer."""

    top_logprobs: list[TopLogprob]


class Logprobs(BaseModel):
    """The tokens of an answer, or of a part of it."""

    content: list[TokenLogprob] | None
    refusal: None = None


def _check_biases(biases: dict[str, float]) -> dict[str, float]:
    if not all(key.isascii() and key.isdigit() and len(key) < 10 for key in biases):
        raise PydanticCustomError("logit_bias", "its keys must be token ids, as decimal numbers")
    return biases


BIAS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "propertyNames": {"pattern": "^[0-9]{1,9}$"},
    "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
    "maxProperties": MAX_BIASES,
}
LogitBias = Annotated[
    dict[str, Annotated[float, Field(ge=-100, le=100)]],
    Field(max_length=MAX_BIASES),
    AfterValidator(_check_biases),
    WithJsonSchema(BIAS_SCHEMA),
]
"""Token id -> what is added to its logit. It never adds to what the reply format forbids."""
