"""GET /v1/models: the model that is served, its adapters, and what the caller may do with each."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request

from decoding.bundle import Bundle
from server.errors import NotFound
from server.keys.allowance import most_thinking
from server.keys.policy import EFFORTS, Policy
from server.protocol.models import Defaults, Limits, Model, ModelList
from server.service import Service

router = APIRouter()


@router.get("/v1/models")
async def list_models(http: Request) -> ModelList:
    """List what the server can be asked for."""
    return ModelList(data=_models(http))


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, http: Request) -> Model:
    """Describe one model."""
    for served in _models(http):
        if served.id == model:
            return served
    raise NotFound(
        "The model does not exist or is not this key's; GET /v1/models lists those that are.",
        param="model",
        code="model_not_found",
    )


def _models(http: Request) -> list[Model]:
    """Describe the model, then its adapters, as far as they are the caller's."""
    service: Service = http.app.state.service
    policy: Policy = http.state.caller.policy
    own = (service.bundle, service.fingerprint)
    adapters = [(adapter.bundle, adapter.fingerprint) for adapter in service.adapters.models]
    return [
        _model(bundle, fingerprint, service, policy)
        for bundle, fingerprint in (own, *adapters)
        if policy.may_use(bundle.name)
    ]


def _model(bundle: Bundle, fingerprint: str | None, service: Service, policy: Policy) -> Model:
    budgets, root = bundle.budgets, service.bundle.name
    thinking = most_thinking(bundle, policy)
    return Model(
        id=bundle.name,
        created=service.started_at_s,
        root=root,
        parent=None if bundle.name == root else root,
        system_fingerprint=fingerprint,
        max_model_len=service.max_model_len,
        efforts=_efforts(bundle.efforts, policy.max_effort),
        may_see_reasoning=policy.may_see_reasoning,
        reflection_tag=bundle.format.reflection if policy.may_see_reasoning else None,
        defaults=Defaults(
            max_tokens=_lowered(budgets.max_tokens, policy.max_tokens),
            max_thinking_tokens=_lowered(budgets.max_thinking_tokens, thinking),
            min_reflections=budgets.min_reflections,
            max_reflections=budgets.max_reflections,
            temperature=bundle.temperature,
            top_p=bundle.top_p,
        ),
        limits=Limits(max_tokens=policy.max_tokens, max_thinking_tokens=thinking),
    )


def _lowered(default: int, limit: int | None) -> int:
    return default if limit is None else min(default, limit)


def _efforts(known: Mapping[str, int], highest: str | None) -> list[str]:
    """Name the efforts that the model tells apart, least first, up to the highest allowed."""
    names = EFFORTS if highest is None else EFFORTS[: EFFORTS.index(highest) + 1]
    return [name for name in names if name == "none" or name in known]
