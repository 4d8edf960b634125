"""Split: which problems training may draw, and the hash that keeps the others out of it."""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Split(StrEnum):
    """Which problems a generator may draw; all but TRAIN serve evaluation only.

    FRESH: the training distribution, problems that training can never draw.
    TEMPLATES: sentences and names that training never uses.  NUMBERS: likewise for a number range.
    """

    TRAIN = "train"
    FRESH = "fresh"
    TEMPLATES = "templates"
    NUMBERS = "numbers"


def stable_hash(text: str) -> int:
    """Return a hash of the text that is the same in every process (Python's own is salted)."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
