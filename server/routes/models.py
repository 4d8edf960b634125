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
    policy = http.state.caller.policy
    models = _models(http.app.state.service)
    return ModelList(data=[model for model in models if policy.may_use(model.id)])


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, http: Request) -> Model:
    """Describe one model."""
    if http.state.caller.policy.may_use(model):
        for served in _models(http.app.state.service):
            if served.id == model:
                return served
    raise NotFound(
        "The model does not exist or is not this key's; GET /v1/models lists those that are.",
        param="model",
        code="model_not_found",
    )


def _models(service: Service) -> list[Model]:
    """Describe the model, then its adapters."""
    name, created = service.bundle.name, service.started_at_s
    own = Model(id=name, created=created, root=name, system_fingerprint=service.fingerprint)
    return [
        own,
        *(
            Model(
                id=adapter.bundle.name,
                created=created,
                root=name,
                parent=name,
                system_fingerprint=adapter.fingerprint,
            )
            for adapter in service.adapters.models
        ),
    ]
