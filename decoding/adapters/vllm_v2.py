"""Enforcement in vLLM's V2 model runner (NVIDIA): cursors and masks live on the device.

Register as "decoding.adapters.vllm_v2:Enforcer". No step waits for the host: the committed tokens
are read from the runner's own tensors, this step's draft tokens from its input ids. Rejected
drafts need no way back, because only committed tokens move the cursor that is kept.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from vllm.utils.torch_utils import async_tensor_h2d
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor

from decoding.adapters import admission
from decoding.adapters.admission import Admission, Admitted
from decoding.adapters.arena import ArenaFullError
from decoding.adapters.device_matcher import (
    BROKEN_ROW,
    FREE_ROW,
    DeviceMatcher,
    Replies,
    Step,
)

logger = logging.getLogger(__name__)


class Enforcer(LogitsProcessor):
    """Keeps the replies of one model runner's requests in the format; one per worker.

    slot_of: (requests,) on the host, the slot of the automaton that each request's reply follows
    num_behind: (requests,) on the host, the most tokens that its cursor may have to take next
    """

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a malformed budget; vLLM answers the request with it."""
        admission.check(sampling_params)

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        """Build the automaton of the served model, and a free cursor for every request."""
        requests, device = req_states.max_num_reqs, req_states.device
        self._admission = Admission.load(vllm_config.model_config)
        self._matcher = DeviceMatcher(self._admission.automaton, device)
        self._req_states = req_states
        speculative = vllm_config.speculative_config
        self._num_drafts = 0 if speculative is None else speculative.num_speculative_tokens
        self._replies = Replies(
            cursors=torch.tensor([FREE_ROW] * requests, dtype=torch.int32, device=device),
            scanned=torch.zeros(requests, dtype=torch.int32, device=device),
            token_ids=req_states.all_token_ids.gpu,
            total=req_states.total_len.gpu,
        )
        self._slot_of = np.zeros(requests, np.int64)
        self._is_enforced = np.zeros(requests, bool)
        self._num_behind = np.zeros(requests, np.int64)
        self._staged: dict[int, tuple[int, ...]] = {}
        self._warm_up()

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Take over a request's place, whoever had it before; tells whether anything is enforced.

        A new automaton is uploaded here, not in a step.
        """
        states = self._req_states
        num_prompt_tokens = int(states.prompt_len.np[req_idx])
        admitted = self._admission.admit(sampling_params, num_prompt_tokens, f"slot {req_idx}")
        self._slot_of[req_idx] = 0
        self._staged[req_idx] = FREE_ROW
        if admitted is not None:
            self._staged[req_idx] = self._first_row(req_idx, admitted)
        self._is_enforced[req_idx] = admitted is not None
        # After a preemption the tokens written before it are fed again beside the prompt.
        self._num_behind[req_idx] = states.prefill_len.np[req_idx] - num_prompt_tokens
        return admitted is not None

    def apply_staged_writes(self) -> None:
        """Copy the cursors of new requests to the device."""
        if not self._staged:
            return
        device = self._req_states.device
        requests = async_tensor_h2d(list(self._staged), dtype=torch.int64, device=device)
        staged = [value for row in self._staged.values() for value in row]
        rows = async_tensor_h2d(staged, dtype=torch.int32, device=device)
        self._replies.cursors[requests] = rows.view(-1, len(FREE_ROW))
        self._replies.scanned[requests] = self._req_states.prompt_len.gpu[requests]
        self._staged.clear()

    def apply(self, logits: torch.Tensor, ctx: Any) -> torch.Tensor:
        """Forbid what may not come next; (rows, vocab) float32, changed in place."""
        is_enforced = self._is_enforced[ctx.idx_mapping_np]
        if is_enforced.any():
            requests = ctx.idx_mapping_np[is_enforced]
            has_drafts = len(logits) > len(ctx.idx_mapping_np)
            step = Step(
                requests=ctx.expanded_idx_mapping,
                offsets=ctx.expanded_local_pos,
                input_ids=ctx.input_ids,
                num_behind=int(self._num_behind[requests].max()),
                num_drafts=self._num_drafts if has_drafts else 0,
            )
            self._num_behind[requests] = self._num_drafts + 1
            self._matcher.enforce(logits, self._replies, step)
        return logits

    def _first_row(self, req_idx: int, admitted: Admitted) -> tuple[int, ...]:
        """Return a reply's cursor; where its automaton finds no room, one that only ends."""
        try:
            slot = self._matcher.add(admitted.automaton, self._slot_of.tolist())
        except ArenaFullError as error:
            logger.error("slot %d gets no reply: %s", req_idx, error)
            return BROKEN_ROW
        self._slot_of[req_idx] = slot
        return self._matcher.cursor(admitted.budget, slot)

    def _warm_up(self) -> None:
        """Compile the kernels before the first request waits for them."""
        device = self._req_states.device
        first = torch.zeros(1, dtype=torch.int32, device=device)
        logits = torch.zeros(1, self._matcher.vocab_size, device=device)
        self._matcher.enforce(logits, self._replies, Step(first, first, first, 0, 0))
