"""Labels: which tokens of a rendered conversation are learned, and what kind of text they are.

A conversation is rendered once and tokenized once; everything said of its characters reaches its
tokens through the tokenizer's offsets, never through a search or a second tokenization.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.segments import Kind, Segment

PROMPT = 0
CODES = {kind: code for code, kind in enumerate(Kind, PROMPT + 1)}


def mark_learned(head: int, segments: Sequence[Segment], length: int) -> np.ndarray:
    """Return of which characters a model learns to write: (length,) bool.

    The first `head` are the prompt's and never learned; what follows the segments, which is the
    end of the turn, always is.
    """
    learned = np.zeros(length, dtype=bool)
    at = head
    for segment in segments:
        learned[at : at + len(segment.text)] = segment.loss
        at += len(segment.text)
    learned[at:] = True
    return learned


def mark_kinds(head: int, segments: Sequence[Segment], length: int) -> np.ndarray:
    """Return the code of each character's kind, PROMPT before `head`: (length,) int8.

    The end of the turn is of the last segment's kind.
    """
    kinds = np.full(length, PROMPT, dtype=np.int8)
    at = head
    for segment in segments:
        kinds[at:] = CODES[segment.kind]
        at += len(segment.text)
    return kinds


def learned_tokens(learned: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return which tokens at `offsets` (n, 2) are learned, (n,) bool: those wholly of such text."""
    masked = np.concatenate([[0], np.cumsum(~learned)])
    counts: np.ndarray = masked[offsets[:, 1]] == masked[offsets[:, 0]]
    return counts


def straddling_tokens(learned: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return which tokens hold learned and other characters both, and are therefore not learned."""
    so_far = np.concatenate([[0], np.cumsum(learned)])
    has_learned = so_far[offsets[:, 1]] > so_far[offsets[:, 0]]
    straddling: np.ndarray = has_learned & ~learned_tokens(learned, offsets)
    return straddling


def token_kinds(kinds: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the kind of each token, that of its last character: (n,) int8."""
    last = np.maximum(offsets[:, 1] - 1, 0)
    codes: np.ndarray = kinds[last]
    return codes
