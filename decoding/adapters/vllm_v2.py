"""Enforcement in vLLM's V2 model runner (NVIDIA): cursors and masks live on the device.

Register as "decoding.adapters.vllm_v2:Enforcer". No step waits for the host: the committed tokens
are read from the runner's own tensors, this step's draft tokens from its input ids. Rejected
drafts need no way back, because only committed tokens move the cursor that is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from vllm.utils.torch_utils import async_tensor_h2d
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor

from decoding.adapters import admission
from decoding.adapters.admission import Admission
from decoding.adapters.device_matcher import DeviceMatcher
from decoding.cursor import FREE


class Enforcer(LogitsProcessor):
    """Keeps the replies of the slots of one model runner in the format; one per worker.

    cursors: (slots, 9) int64 on the device, where each slot's reply stands
    scanned: (slots,) int64 on the device, tokens of the sequence that its cursor has taken
    num_behind: (slots,) on the host, the most tokens that its cursor may have to take next
    """

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a malformed budget; vLLM answers the request with it."""
        admission.check(sampling_params)

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        """Build the automaton of the served model, and a free cursor for every slot."""
        slots, device = req_states.max_num_reqs, req_states.device
        self._admission = Admission.load(vllm_config.model_config)
        self._automaton = self._admission.automaton
        self._matcher = DeviceMatcher(self._automaton, device)
        self._req_states = req_states
        speculative = vllm_config.speculative_config
        self._num_drafts = 0 if speculative is None else speculative.num_speculative_tokens
        self._cursors = torch.tensor([FREE] * slots, device=device)
        self._scanned = torch.zeros(slots, dtype=torch.int64, device=device)
        self._is_enforced = np.zeros(slots, bool)
        self._num_behind = np.zeros(slots, np.int64)
        self._staged: dict[int, tuple[int, ...]] = {}

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Take over a slot, whoever had it before; tells whether anything is enforced."""
        states = self._req_states
        num_prompt_tokens = int(states.prompt_len.np[req_idx])
        budget = self._admission.admit(sampling_params, num_prompt_tokens, f"slot {req_idx}")
        self._staged[req_idx] = FREE if budget is None else self._matcher.cursor(budget)
        self._is_enforced[req_idx] = budget is not None
        # After a preemption the tokens written before it are fed again beside the prompt.
        self._num_behind[req_idx] = states.prefill_len.np[req_idx] - states.prompt_len.np[req_idx]
        return budget is not None

    def apply_staged_writes(self) -> None:
        """Copy the cursors of new requests to the device."""
        if not self._staged:
            return
        device = self._req_states.device
        slots = async_tensor_h2d(list(self._staged), dtype=torch.int64, device=device)
        staged = [value for cursor in self._staged.values() for value in cursor]
        cursors = async_tensor_h2d(staged, dtype=torch.int64, device=device)
        self._cursors[slots] = cursors.view(-1, len(FREE))
        self._scanned[slots] = self._req_states.prompt_len.gpu[slots].long()
        self._staged.clear()

    def apply(self, logits: torch.Tensor, ctx: Any) -> torch.Tensor:
        """Forbid what may not come next; (rows, vocab) float32, changed in place."""
        is_enforced = self._is_enforced[ctx.idx_mapping_np]
        if is_enforced.any():
            slots = ctx.idx_mapping_np[is_enforced]
            self._commit(ctx.idx_mapping.long(), int(self._num_behind[slots].max()))
            self._num_behind[slots] = self._num_drafts + 1
            self._matcher.forbid(logits, self._row_cursors(ctx))
        return logits

    def _commit(self, slots: torch.Tensor, num_tokens: int) -> None:
        """Let the cursors of (n,) slots take what was committed since, at most `num_tokens`."""
        cursors, scanned = self._cursors[slots], self._scanned[slots]
        total = self._req_states.total_len.gpu[slots]
        all_token_ids = self._req_states.all_token_ids.gpu
        last = all_token_ids.shape[1] - 1
        for _ in range(num_tokens):
            token_ids = all_token_ids[slots, scanned.clamp(max=last)]
            is_new = scanned < total
            advanced = self._matcher.advance(cursors, token_ids)
            cursors = torch.where(is_new[:, None], advanced, cursors)
            scanned = scanned + is_new
        self._cursors[slots] = cursors
        self._scanned[slots] = scanned

    def _row_cursors(self, ctx: Any) -> torch.Tensor:
        """Return (rows, 9): the kept cursor of each row's slot after the drafts up to that row."""
        cursors = self._cursors[ctx.expanded_idx_mapping.long()]
        num_rows = len(cursors)
        if num_rows == len(ctx.idx_mapping_np):  # no drafts in this step
            return cursors
        offset = ctx.expanded_local_pos.long()
        first = torch.arange(num_rows, device=offset.device) - offset
        for step in range(1, self._num_drafts + 1):
            token_ids = ctx.input_ids[(first + step).clamp(max=num_rows - 1)]
            advanced = self._matcher.advance(cursors, token_ids)
            cursors = torch.where((offset >= step)[:, None], advanced, cursors)
        return cursors
