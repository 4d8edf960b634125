"""The sections [teacher] and [recycle]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.settings import FORBID


@dataclass(frozen=True, slots=True)
class Teacher:
    """The endpoint that reflects: any that speaks OpenAI's chat API, our server too.

    key_variable: the environment variable of the key; the key itself stands in no file
    prices: of a million tokens read and written, for cost and forecast
    """

    __pydantic_config__ = FORBID

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    concurrency: int = 16
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 2048
    timeout_s: float = 600.0
    max_attempts: int = 6
    price_read: float = 0.0
    price_written: float = 0.0


@dataclass(frozen=True, slots=True)
class Recycle:
    """Which method, and what is kept.

    method: selective (V2: the student selects) or all (V1: both reflections, all accepted)
    mode: exact (ours) or faithful (as the reference selects, for parity)
    top_percent: of what is left, the share with the greatest IFD
    """

    __pydantic_config__ = FORBID

    method: Literal["selective", "all"] = "selective"
    mode: Literal["exact", "faithful"] = "exact"
    drop_ge_1: bool = True
    require_reflected_response: bool = True
    top_percent: float = 100.0
    temperatures: tuple[float, ...] = (0.0, 0.7)
