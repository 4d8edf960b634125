"""Checks: ways to say that an answer is looked at again, and what comes of it.

Several wordings, so that the habit is learned and not the sentence.
"""

from __future__ import annotations

import random

LOOKS = (
    "Let me check this before I answer.",
    "Is that right? I go over it once more.",
    "I test the result first.",
    "Before this goes out, a second look.",
    "Does it hold? I look at the question again.",
    "One check of what I have.",
)
HOLDS = (
    "It holds.",
    "Nothing is wrong with it.",
    "It fits the question, so it stays.",
    "The check agrees.",
)
FAILS = (
    "No: {why}.",
    "It does not hold: {why}.",
    "That is a mistake: {why}.",
    "The check fails: {why}.",
)


def confirm(rng: random.Random) -> str:
    """Return a check that finds nothing."""
    return f"{rng.choice(LOOKS)} {rng.choice(HOLDS)}"


def object_to(rng: random.Random, why: str) -> str:
    """Return a check that finds a mistake and says which."""
    return f"{rng.choice(LOOKS)} {rng.choice(FAILS).format(why=why)}"
