"""The sections [teacher] and [recycle]."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from train.settings import FORBID, Count, Seconds, Temperature, TopP

Percent = Annotated[float, Field(gt=0, le=100)]
Price = Annotated[float, Field(ge=0)]
SAMPLING = ("temperature", "top_p", "max_tokens")  # the fields of a request that we write
Temperatures = Annotated[tuple[Temperature, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Teacher:
    """The endpoint that reflects: any that speaks OpenAI's chat API, our server too.

    key_variable: the environment variable of the key; the key itself stands in no file
    temperatures: of the attempts at one reflection; the next follows a reply that cannot be read
    max_tokens: of a reply; max_attempts: requests, where the endpoint is busy or broken
    requests_per_minute: at most, evenly spread; 0 is no limit but that of the endpoint's 429s
    fields: more of every request's body, as reasoning_effort = "low"; false leaves out one of ours,
        as { max_tokens = false, max_completion_tokens = 4096 }
    price_read, price_written: of a million tokens, for cost and forecast
    max_cost: once so much is spent nothing more is asked; 0 is no limit
    """

    __pydantic_config__ = FORBID

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    concurrency: Count = 16
    temperatures: Temperatures = (0.0, 0.7)
    top_p: TopP = 1.0
    max_tokens: Count = 2048
    timeout_s: Seconds = 600.0
    max_attempts: Count = 6
    requests_per_minute: Annotated[int, Field(ge=0)] = 0
    fields: dict[str, Any] = field(default_factory=dict)
    price_read: Price = 0.0
    price_written: Price = 0.0
    max_cost: Price = 0.0


@dataclass(frozen=True, slots=True)
class Recycle:
    """Which method, and what is kept.

    method: selective (V2: the student selects) or all (V1: both reflections, all accepted)
    mode: exact (asks and scores what the choices need: 2 calls, 7 to 9 passes) or faithful (as
        published: both branches, 3 calls, 16 passes; the same choices)
    drop_ge_1: keep only what has both ratios below 1
    require_reflected_response: keep only what the teacher answered, so that the style is one
    top_percent: of what is left, the share with the greatest IFD
    block: samples that are scored together; 3 blocks or more are under way at a time
    """

    __pydantic_config__ = FORBID

    method: Literal["selective", "all"] = "selective"
    mode: Literal["exact", "faithful"] = "exact"
    drop_ge_1: bool = True
    require_reflected_response: bool = True
    top_percent: Percent = 100.0
    block: Count = 256
