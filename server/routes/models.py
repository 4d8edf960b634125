"""GET /v1/models: the one model that is served."""

from __future__ import annotations

from fastapi import APIRouter, Request

from server.errors import NotFound
from server.protocol.models import Model, ModelList
from server.service import Service

router = APIRouter()


@router.get("/v1/models")
async def list_models(http: Request) -> ModelList:
    """List what the server can be asked for."""
    return ModelList(data=[_model(http.app.state.service)])


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, http: Request) -> Model:
    """Describe one model."""
    served = _model(http.app.state.service)
    if model != served.id:
        raise NotFound(
            f"The model does not exist; this server has '{served.id}'.",
            param="model",
            code="model_not_found",
        )
    return served


def _model(service: Service) -> Model:
    return Model(id=service.bundle.name, created=service.started_at_s)
