"""Enforcement in vLLM's V1 model runner (CPU): masks from a BatchMatcher on the worker's host.

Register as "decoding.adapters.vllm_v1:Enforcer" in the list of logits processors, not as an entry
point: only for listed ones does vLLM resolve the placeholders of async scheduling.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from vllm.v1.sample.logits_processor.interface import (
    BatchUpdate,
    LogitsProcessor,
    MoveDirectionality,
)

from decoding.adapters import admission
from decoding.adapters.admission import Admission
from decoding.adapters.masked_logits import MaskedLogits
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.masks import Mask

logger = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]


class _Reply:
    """One reply in the batch.

    token_ids: vLLM's own list of the reply's tokens, which grows between our calls
    num_seen: how many of them the matcher has taken
    """

    __slots__ = ("automaton", "budget", "is_reported", "num_seen", "token_ids")

    def __init__(self, automaton: Automaton, budget: Budget, token_ids: list[int]) -> None:
        self.automaton = automaton
        self.budget = budget
        self.token_ids = token_ids
        self.num_seen = 0
        self.is_reported = False

    @property
    def is_behind(self) -> bool:
        """Whether the next token to take is known; a placeholder is negative."""
        return self.num_seen < len(self.token_ids) and self.token_ids[self.num_seen] >= 0


class Enforcer(LogitsProcessor):
    """Keeps the replies of one batch in the format; one per worker.

    What a row may say is a pure function of its budget and of the tokens in vLLM's list, so
    preemption, moves and discarded tokens need no bookkeeping of their own. Nothing raises here:
    a row whose tokens left the format is closed, and logged once.
    """

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a malformed budget; vLLM answers the request with it."""
        admission.check(sampling_params)

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        """Build the automaton of the served model."""
        del device, is_pin_memory
        self._admission = Admission.load(vllm_config.model_config)
        automaton = self._admission.automaton
        self._matcher = BatchMatcher(automaton, vllm_config.scheduler_config.max_num_seqs)
        self._replies: dict[int, _Reply] = {}
        self._masked_logits = MaskedLogits()

    def is_argmax_invariant(self) -> bool:
        """A mask changes what is most likely."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow the batch: removed, then added, then moved."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._replies.pop(row, None)
        for row, params, prompt_token_ids, token_ids in batch_update.added:
            self._add(row, params, len(prompt_token_ids or ()), token_ids)
        for source, target, direction in batch_update.moved:
            self._move(source, target, is_swap=direction == MoveDirectionality.SWAP)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Forbid what may not come next; (rows, vocab) float32, changed in place."""
        if self._replies:
            rows = np.fromiter(self._replies, np.int64, len(self._replies))
            self._follow()
            masks = dict(zip(rows.tolist(), self._find_masks(rows), strict=True))
            self._masked_logits.apply(logits, masks)
        return logits

    def _add(self, row: int, params: Any, num_prompt_tokens: int, token_ids: list[int]) -> None:
        self._replies.pop(row, None)
        admitted = self._admission.admit(params, num_prompt_tokens, f"row {row}")
        if admitted is None:
            return
        self._replies[row] = _Reply(admitted.automaton, admitted.budget, token_ids)
        self._matcher.set(row, admitted.budget, automaton=admitted.automaton)

    def _move(self, source: int, target: int, *, is_swap: bool) -> None:
        moved, displaced = self._replies.pop(source, None), self._replies.pop(target, None)
        if moved is not None:
            self._replies[target] = moved
        if displaced is not None and is_swap:
            self._replies[source] = displaced
        self._matcher.swap(source, target)

    def _follow(self) -> None:
        """Take the tokens that came since the last call; start over where some were discarded."""
        for row, reply in self._replies.items():
            if reply.num_seen > len(reply.token_ids):
                self._matcher.set(row, reply.budget, automaton=reply.automaton)
                reply.num_seen = 0
        behind = [(row, reply) for row, reply in self._replies.items() if reply.is_behind]
        while behind:
            rows = np.array([row for row, _ in behind])
            token_ids = np.array([reply.token_ids[reply.num_seen] for _, reply in behind])
            self._matcher.accept(rows, token_ids)
            for _, reply in behind:
                reply.num_seen += 1
            behind = [(row, reply) for row, reply in behind if reply.is_behind]

    def _find_masks(self, rows: Rows) -> list[Mask]:
        """Return the mask of each row; a row whose tokens are wrong or unknown is closed."""
        masks = self._matcher.find_masks(rows)
        is_broken = self._matcher.is_broken(rows)
        for at, (row, reply) in enumerate(self._replies.items()):
            is_unknown = reply.num_seen < len(reply.token_ids)
            if is_unknown:
                masks[at] = self._matcher.stop_mask(row)
            if (is_unknown or is_broken[at]) and not reply.is_reported:
                reply.is_reported = True
                logger.error(
                    "row %d left the format by token %d of its reply, which is %s: closed",
                    row, reply.num_seen, "not known yet" if is_unknown else "illegal",
                )  # fmt: skip
        return masks
