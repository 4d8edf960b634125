"""GET /health, /ready and /metrics: for those who run the server."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from server.openapi import TEXT
from server.records.metrics import CONTENT_TYPE
from server.service import Service, Status

RETRY_AFTER_S = "1"  # the next probe may come soon

probes = APIRouter()
metrics = APIRouter()


@probes.get("/health")
async def health(http: Request) -> JSONResponse:
    """Answer 200 while the process is worth keeping, also while it loads."""
    is_alive = http.app.state.service.is_alive
    return JSONResponse({"status": "ok" if is_alive else "dead"}, 200 if is_alive else 503)


@probes.get("/ready")
async def ready(http: Request) -> JSONResponse:
    """Answer 200 once requests can be served, else 503 and why not."""
    service: Service = http.app.state.service
    if service.status is Status.READY and service.is_alive:
        return JSONResponse({"status": "ready"})
    reason = service.reason if service.is_alive else "the engine has stopped"
    status = service.status if service.is_alive else Status.FAILED
    return JSONResponse({"status": status, "reason": reason}, 503, {"Retry-After": RETRY_AFTER_S})


@metrics.get("/metrics", response_class=Response, responses=TEXT)
async def scrape(http: Request) -> Response:
    """Write the metrics in Prometheus' text format."""
    return Response(http.app.state.service.metrics.render(), media_type=CONTENT_TYPE)
