"""Retries: which failures of a request pass by themselves, and how long to wait before the next."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LIMITED = 429
TEMPORARY = frozenset({408, 409, LIMITED})


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in TEMPORARY or status >= 500


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent, and the pauses between: doubling, with jitter, or as told.

    max_attempts: requests in all, those left out that came too soon (429)
    max_holds: 429s of one request, and pauses after any without a reply between them
    first_pause_s, max_pause_s: bounds of our own pauses; max_told_s: of one that the server asks
    """

    max_attempts: int = 6
    first_pause_s: float = 0.5
    max_pause_s: float = 60.0
    max_told_s: float = 600.0
    max_holds: int = 100

    def pause_s(self, attempt: int, told_s: float | None) -> float:
        """Return the seconds to wait after that attempt (from 1); `told_s`: what the server asks.

        Jitter only ever lengthens what the server asks, so that a crowd does not return at once.
        """
        if told_s is not None:
            return min(told_s * random.uniform(1.0, 1.1), self.max_told_s)
        longest_s = min(self.first_pause_s * 2.0 ** (attempt - 1), self.max_pause_s)
        return longest_s * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110, section 10.2.3: seconds or a date); None where there is none."""
    told = headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        return _seconds_until(told)


def _seconds_until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
