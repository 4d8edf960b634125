"""The models endpoints under OpenAI's names."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A model that the server can be asked for; the last three fields are not OpenAI's."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "reflect"
    root: str
    """The model itself, also where this is an adapter of it."""
    parent: str | None = None
    system_fingerprint: str | None = None


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]
