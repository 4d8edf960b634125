"""The values of flags: what each may be, and what is said of another; readers for argparse."""

from __future__ import annotations

import argparse
import json
from typing import Any

# what the run itself says to the endpoint, or has a flag for, and its manifest tells in its place
SETTLED = frozenset(
    {"model", "messages", "stream", "n", "temperature", "top_p", "max_tokens", "seed"}
    | {"reasoning_effort"}
)


def positive(text: str) -> int:
    """Read what counts something."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"1 or more was expected, not {text}")
    return value


def count(text: str) -> int:
    """Read what counts something that there may be none of."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"0 or more was expected, not {text}")
    return value


def temperature(text: str) -> float | str:
    """Read --temperature."""
    return text if text == "model" else _between(text, 0, 2)


def share(text: str) -> float:
    """Read a part of one."""
    return _between(text, 0, 1)


def seconds(text: str) -> float:
    """Read a limit of time, of a day at most."""
    return _between(text, 0.001, 86400)


def price(text: str) -> float:
    """Read a price of a million tokens."""
    return _between(text, 0, 1e9)


def _between(text: str, low: float, high: float) -> float:
    value = float(text)
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{low:g} to {high:.10g} was expected, not {text}")
    return value


def request_field(text: str) -> tuple[str, Any]:
    """Read --field; one that the manifest tells elsewhere is refused."""
    name, equals, value = text.partition("=")
    if name in SETTLED:
        raise argparse.ArgumentTypeError(
            f"{name} is no field to add: it has a flag of its own, or the run settles it"
        )
    try:
        if not (name and equals):
            raise ValueError
        return name, json.loads(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"NAME=JSON was expected, as in top_k=20, not {text!r}"
        ) from error
