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
    model = _model(http.app.state.service)
    return ModelList(data=[model] if http.state.caller.policy.may_use(model.id) else [])


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, http: Request) -> Model:
    """Describe one model."""
    served = _model(http.app.state.service)
    if model != served.id or not http.state.caller.policy.may_use(model):
        raise NotFound(
            "The model does not exist or is not this key's; GET /v1/models lists those that are.",
            param="model",
            code="model_not_found",
        )
    return served


def _model(service: Service) -> Model:
    return Model(id=service.bundle.name, created=service.started_at_s)
