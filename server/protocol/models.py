"""The models endpoints under OpenAI's names."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Defaults(BaseModel):
    """What a request gets that asks for nothing, under the names that it would ask with."""

    max_tokens: int
    max_thinking_tokens: int
    min_reflections: int
    max_reflections: int
    temperature: float
    top_p: float


class Limits(BaseModel):
    """The most that the caller's requests get; null is no limit."""

    max_tokens: int | None = None
    max_thinking_tokens: int | None = None


class Model(BaseModel):
    """A model that the server can be asked for, and, beyond OpenAI's fields, what the caller may.

    root: the model itself, also where this is an adapter of it
    max_model_len: tokens of prompt and reply together; null while the model loads
    reflection_tag: the tag around a reflection in reasoning; null for who may not see it
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "reflect"
    root: str
    parent: str | None = None
    system_fingerprint: str | None = None
    max_model_len: int | None
    efforts: list[str]
    may_see_reasoning: bool
    reflection_tag: str | None
    defaults: Defaults
    limits: Limits


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]
