"""A synthetic vocabulary of the size of Llama 3, and random replies written in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.vocabulary import Vocabulary

SIZE, NUM_SPECIAL = 128_256, 256
STOP_TOKEN_IDS = (SIZE - NUM_SPECIAL + 1, SIZE - NUM_SPECIAL + 8, SIZE - NUM_SPECIAL + 9)
PIECES = (
    *(b"<", b"</", b"><", b">\n", b">\n\n", b'>{"', b">.", b"thinking", b"reflection", b"output"),
    *(b"think", b"ing", b"reflect", b"ion", b"out", b"put", b" <", b"\n\n", b"  ", b". ", b".\n"),
    *("é".encode(), "漢".encode(), b"\xe2\x82", b"\xf0\x9f", b"\x98\x80"),
)
LETTERS = b"abcdefghijklmnopqrstuvwxyz     ,.0123456789\n<>"


def make_vocabulary(seed: int = 0) -> Vocabulary:
    """Return every byte, pieces of tags, random words and bytes, and 256 special tokens."""
    draw = np.random.default_rng(seed)
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    tokens += PIECES
    count = SIZE - NUM_SPECIAL - len(tokens)
    lengths = draw.integers(1, 12, count)
    text = draw.choice(np.frombuffer(LETTERS, np.uint8), int(lengths.sum()))
    is_byte = np.repeat(draw.random(count) < 0.01, lengths)
    text[is_byte] = draw.integers(128, 256, int(is_byte.sum()))
    ends = np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    tokens += [text[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]
    return Vocabulary([*tokens, *[None] * NUM_SPECIAL])


def draw_budgets(num_rows: int, seed: int = 0) -> list[Budget]:
    """Return budgets of which every other is soon tight."""
    draw = np.random.default_rng(seed)
    return [
        Budget(
            max_tokens=int(draw.integers(120, 180)) if row % 2 else 4096,
            max_thinking_tokens=int(draw.integers(60, 90)) if row % 2 else 2048,
            soft_tokens=8 * (row % 4 == 3),
        )
        for row in range(num_rows)
    ]


def draw_tokens(
    automaton: Automaton, budgets: list[Budget], num_steps: int, seed: int = 0
) -> npt.NDArray[np.int32]:
    """Return (rows, steps) token ids, legal and random, one in eight the shortest way out."""
    draw = np.random.default_rng(seed)
    matcher, rows = BatchMatcher(automaton, len(budgets)), np.arange(len(budgets))
    for row, budget in enumerate(budgets):
        matcher.set(row, budget)
    drawn = np.zeros((len(budgets), num_steps), np.int64)
    for step in range(num_steps):
        for row, mask in enumerate(matcher.find_masks(rows)):
            legal = np.flatnonzero(mask.classes)
            token_class = draw.choice(legal, p=_weights(automaton, legal))
            is_short = draw.random() < 1 / 8
            drawn[row, step] = mask.shortest if is_short else automaton.representative[token_class]
        matcher.accept(rows, drawn[:, step])
    return drawn.astype(np.int32)


def _weights(automaton: Automaton, legal: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    sizes = automaton.class_sizes[legal].astype(np.float64)
    return np.asarray(sizes / sizes.sum())
