"""POST /admin/promote and the adapters' routes: for administrators alone."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from server.body import read_body
from server.errors import Conflict, Forbidden
from server.keys.policy import Caller, is_loopback
from server.openapi import TEXT, request_body
from server.promotion.promoter import Promoter
from server.protocol.admin import (
    AdapterName,
    AdapterRequest,
    Promotion,
    PromotionRequest,
    PromotionState,
)
from server.service import Service

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def require_admin(http: Request) -> None:
    """Raise Forbidden unless the key is an administrator's or, without keys, it comes from here.

    From here: by a loopback address, under a loopback name, so that no page that a browser of this
    machine shows can do it, and through no proxy.
    """
    service: Service = http.app.state.service
    caller: Caller = http.state.caller
    if caller.policy.is_admin or (not service.keyring.is_guarded and _is_local(http)):
        return
    raise Forbidden(
        "This needs an administrator's API key, or a server without keys that is asked from its "
        "own machine."
    )


def require_alone(http: Request) -> None:
    """Raise Conflict where this is one of several replicas, and would change alone."""
    service: Service = http.app.state.service
    if service.settings.is_replica:
        raise Conflict(
            "The server has several replicas, of which this request reaches one: start them anew "
            "with the other folder or adapters.",
            code="replicated",
        )


router = APIRouter(dependencies=[Depends(require_admin), Depends(require_alone)])


@router.post(
    "/admin/promote", response_model=Promotion, openapi_extra=request_body(PromotionRequest)
)
async def promote(http: Request) -> Promotion:
    """Serve another folder's weights without a restart; answers when they serve, or why not."""
    service: Service = http.app.state.service
    promoter: Promoter = http.app.state.promoter
    request = await read_body(http, PromotionRequest, service.settings.max_request_bytes)
    return await promoter.promote(request)


@router.get("/admin/promote")
async def promotion_state(http: Request) -> PromotionState:
    """Tell where the promotion that runs, or ran last, stands."""
    service: Service = http.app.state.service
    promoter: Promoter = http.app.state.promoter
    error = promoter.last_error
    return PromotionState(
        stage=promoter.stage,
        num_running=service.gate.num_inside,
        num_held=service.gate.num_held,
        last=promoter.last,
        error=None if error is None else error.message,
        fingerprint=service.fingerprint,
    )


@router.post(
    "/v1/load_lora_adapter",
    response_class=Response,
    responses=TEXT,
    openapi_extra=request_body(AdapterRequest),
)
async def load_adapter(http: Request) -> PlainTextResponse:
    """Serve a LoRA adapter as a model of its own name."""
    service: Service = http.app.state.service
    request = await read_body(http, AdapterRequest, service.settings.max_request_bytes)
    service.check_ready()
    http.app.state.promoter.check_idle()  # and nothing is awaited until the load has begun
    folder = Path(request.lora_path)
    await service.adapters.load(request.lora_name, folder, service.model, service.engine)
    return PlainTextResponse(f"Success: LoRA adapter '{request.lora_name}' added successfully.")


@router.post(
    "/v1/unload_lora_adapter",
    response_class=Response,
    responses=TEXT,
    openapi_extra=request_body(AdapterName),
)
async def unload_adapter(http: Request) -> PlainTextResponse:
    """Serve an adapter no longer; replies that it writes go on to their end."""
    service: Service = http.app.state.service
    request = await read_body(http, AdapterName, service.settings.max_request_bytes)
    http.app.state.promoter.check_idle()
    await service.adapters.unload(request.lora_name, service.engine)
    return PlainTextResponse(f"Success: LoRA adapter '{request.lora_name}' removed successfully.")


def _is_local(http: Request) -> bool:
    if http.client is None or any(name in http.headers for name in FORWARDED):
        return False
    return is_loopback(http.client.host) and is_loopback(http.url.hostname or "")
