"""What administrators send and receive: promotions of weights, adapters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from server.protocol.wire import Wire

MAX_WAIT_S = 3600.0
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern="^[^\\x00]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$")]


class PromotionRequest(Wire):
    """The body of POST /admin/promote.

    folder: a model folder on the server's machine
    wait_s: how long replies that run may take to end
    is_untested: take a bundle without golden replies too
    """

    folder: Path
    wait_s: Annotated[float, Field(gt=0, le=MAX_WAIT_S)] = 120.0
    is_untested: bool = False


class Promotion(BaseModel):
    """A promotion that succeeded.

    num_held: requests that waited for it at its end; swap_s: how long the engine wrote nothing
    """

    outcome: Literal["promoted"] = "promoted"
    fingerprint: str
    previous_fingerprint: str
    num_held: int
    swap_s: float
    total_s: float


class PromotionState(BaseModel):
    """Where the promotion that runs, or ran last, stands.

    stage: what it does; null where none runs
    num_running, num_held: replies that it waits for, requests that wait for it
    """

    stage: str | None
    num_running: int
    num_held: int
    last: Promotion | None
    error: str | None
    fingerprint: str | None


class AdapterRequest(Wire):
    """The body of POST /v1/load_lora_adapter, as in vLLM."""

    lora_name: Name
    lora_path: Path


class AdapterName(Wire):
    """The body of POST /v1/unload_lora_adapter, as in vLLM."""

    lora_name: Name
