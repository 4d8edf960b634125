"""The contenders: the automaton and each peer, compiled once, stepping a batch of replies."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
import xgrammar

from benchmarks.parts.peers import Makers, step_all
from decoding import automaton_file
from decoding.adapters.masked_logits import forbid
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.masks import Mask, Masks
from decoding.matcher import Matcher

BUDGET = Budget(max_tokens=8192, max_thinking_tokens=4096, max_reflections=8)
Step = Callable[[Sequence[int]], object]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to enforce the format.

    start: given the tokens that each reply of a batch already has, return the step that takes the
    next token of each and leaves the masks ready to be applied
    """

    name: str
    compile_s: float
    size_bytes: int | None
    start: Callable[[Sequence[Sequence[int]]], Step]


def ours(name: str, make: Callable[[], Automaton], repeats: int = 3) -> tuple[Contender, Automaton]:
    """Build the automaton, cold each time; a reply alone has a Matcher, several a BatchMatcher."""
    spent = []
    for _ in range(repeats):
        begun = time.process_time()
        automaton = make()
        spent.append(time.process_time() - begun)
    masks = Masks(automaton)

    def start(begun: Sequence[Sequence[int]]) -> Step:
        return _alone(automaton, masks, begun[0]) if len(begun) == 1 else _batch(automaton, begun)

    return Contender(name, median(spent), automaton.num_bytes, start), automaton


def _alone(automaton: Automaton, masks: Masks, begun: Sequence[int]) -> Step:
    matcher = Matcher(automaton, BUDGET, masks)
    assert all(matcher.accept(token_id) for token_id in begun)

    def step(token_ids: Sequence[int]) -> object:
        assert matcher.accept(token_ids[0])
        return matcher.mask.token_ids

    return step


def _batch(automaton: Automaton, begun: Sequence[Sequence[int]]) -> Step:
    matcher = BatchMatcher(automaton, len(begun))
    for row, token_ids in enumerate(begun):
        matcher.set(row, BUDGET, token_ids)
    rows = np.arange(len(begun))

    def step(token_ids: Sequence[int]) -> object:
        matcher.accept(rows, np.array(token_ids))
        masks = matcher.find_masks(rows)
        return masks, {mask: mask.token_ids for mask in set(masks)}

    return step


def theirs(makers: Makers, vocab_size: int) -> list[Contender]:
    """Compile with every peer."""
    return [_peer(name, makers, vocab_size) for name in makers]


def _peer(name: str, makers: Makers, vocab_size: int) -> Contender:
    begun = time.process_time()
    compiled = makers[name]()
    spent = time.process_time() - begun

    def start(begun: Sequence[Sequence[int]]) -> Step:
        matchers = [compiled.start() for _ in begun]
        for matcher, token_ids in zip(matchers, begun, strict=True):
            assert all(matcher.accept(token_id) for token_id in token_ids)
        bitmask = xgrammar.allocate_token_bitmask(len(begun), vocab_size)
        return lambda token_ids: step_all(matchers, token_ids, bitmask)

    return Contender(name, spent, compiled.size_bytes, start)


def load_s(automaton: Automaton, repeats: int = 9) -> float:
    """Return the median CPU time to load the automaton from its file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        automaton_file.save(automaton, path, "key")
        spent = []
        for _ in range(repeats):
            begun = time.process_time()
            automaton_file.load(path, "key")
            spent.append(time.process_time() - begun)
    return median(spent)


def apply_masks(logits: torch.Tensor, masks: Sequence[Mask]) -> None:
    """Apply a mask a row to (rows, vocab) logits, rows with the same mask together."""
    rows_of: dict[Mask, list[int]] = {}
    for row, mask in enumerate(masks):
        rows_of.setdefault(mask, []).append(row)
    for mask, rows in rows_of.items():
        forbid(logits, rows, mask)
