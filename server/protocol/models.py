"""The models endpoints under OpenAI's names."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A model that the server can be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "reflect"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]
