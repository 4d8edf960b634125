"""Enforcement in Hugging Face `model.generate`: a logits processor for batches, beams and drafts.

    enforcer = Enforcer.load(folder, Budget(max_tokens=256, max_thinking_tokens=200))
    output = model.generate(**inputs, **enforcer.kwargs)

Where there are several logits processors put it last: what it forbids must stay forbidden.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, LogitsProcessor, LogitsProcessorList

from decoding.adapters.admission import HUGE, load_automaton
from decoding.adapters.reply_rows import Place, ReplyRows
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.masks import Mask


class Enforcer(LogitsProcessor):
    """Keeps every reply of a batch in the format; one per call of generate, or many in turn.

    What a row may say is a pure function of its budget and of its own tokens after the prompt:
    beams, returned sequences and drafts may change the rows as they like. A row whose tokens left
    the format, as beam sampling's candidates without probability do, is closed: it may only stop.
    Law: every reply is well-formed and within its budget, unless generate cuts it: max_new_tokens
    must not be smaller than the budget's max_tokens (`kwargs` sets it).
    """

    supports_continuous_batching = False  # there the rows of one call are tokens of many replies

    def __init__(
        self,
        automaton: Automaton,
        budget: Budget | Sequence[Budget],
        *,
        prompt_length: int | None = None,
    ) -> None:
        """Take one budget for all, or one a prompt; raise BudgetError if one cannot end well.

        prompt_length: where the replies begin in `input_ids`, left padding included; None: after
        what the first call of a generation brings.
        """
        budgets = (budget,) if isinstance(budget, Budget) else tuple(budget)
        if not budgets:
            raise ValueError("expected one budget, or one a prompt, not none")
        for each in budgets:
            each.check(automaton)
        self.automaton = automaton
        self.budgets = budgets
        self._prompt_length = prompt_length
        self._rows = ReplyRows(automaton, budgets, prompt_length)
        self._token_ids: dict[Mask, torch.Tensor] = {}

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        budget: Budget | Sequence[Budget] | None = None,
        *,
        prompt_length: int | None = None,
    ) -> Self:
        """Build for a model folder; None: the budget that its reflection.json gives by default."""
        config = AutoConfig.from_pretrained(folder).get_text_config()
        automaton = load_automaton(
            SimpleNamespace(model=folder, get_vocab_size=lambda: config.vocab_size)
        )
        if budget is None:
            room = config.max_position_embeddings
            budget = Budget.for_request(automaton, Bundle.load(folder).budgets, room=room)
        return cls(automaton, budget, prompt_length=prompt_length)

    @property
    def kwargs(self) -> dict[str, Any]:
        """What generate needs so that every reply can end: the length, the stop ids, and this."""
        return {
            "max_new_tokens": max(budget.max_tokens for budget in self.budgets),
            "eos_token_id": list(self.automaton.stop_token_ids),
            "logits_processor": LogitsProcessorList([self]),
        }

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return (rows, vocab) scores, a copy, with -inf where a token may not come next.

        input_ids: (rows, length), prompts and replies. Raises ValueError where the shapes are not
        those of the budgets and the automaton; the tokens themselves never raise.
        """
        self._check(input_ids, scores)
        places = self._rows.follow(input_ids.cpu().numpy().astype(np.int64))
        rows_of: dict[Mask, list[int]] = {}
        for row, place in enumerate(places):
            rows_of.setdefault(place.mask, []).append(row)
        scores = scores.clone()  # the caller's may be the model's own logits, or be used again
        for mask, rows in rows_of.items():
            self._forbid(scores, rows, mask)
        _revive(scores, places)
        return scores

    def _check(self, input_ids: torch.Tensor, scores: torch.Tensor) -> None:
        rows, length = input_ids.shape
        if scores.shape != (rows, self.automaton.vocab_size):
            raise ValueError(
                f"expected scores of {rows} rows and {self.automaton.vocab_size} ids, not "
                f"{tuple(scores.shape)}: build the automaton for this model's vocab_size"
            )
        if rows % len(self.budgets):
            raise ValueError(
                f"expected one budget, or one a prompt, not {len(self.budgets)} for {rows} rows"
            )
        if not 0 <= (self._prompt_length or 0) <= length:
            raise ValueError(f"expected prompt_length of 0 to {length}, not {self._prompt_length}")

    def _forbid(self, scores: torch.Tensor, rows: list[int], mask: Mask) -> None:
        """Apply one mask in place by the shorter of its lists."""
        token_ids = self._token_ids.get(mask)
        if token_ids is None or token_ids.device != scores.device:
            token_ids = torch.from_numpy(mask.token_ids).to(scores.device)
            self._token_ids[mask] = token_ids
        at = torch.tensor(rows, device=scores.device)
        if mask.is_keep:
            kept = scores[at[:, None], token_ids]
            scores.index_fill_(0, at, -torch.inf)
            scores[at[:, None], token_ids] = kept
        else:
            scores[at[:, None], token_ids] = -torch.inf


def _revive(scores: torch.Tensor, places: list[Place]) -> None:
    """Give rows without a finite legal score the shortest way out, so that they can end."""
    for row, best in enumerate(scores.amax(dim=1).tolist()):
        if math.isfinite(best):
            continue
        torch.nan_to_num_(scores[row], nan=-torch.inf, posinf=HUGE, neginf=-torch.inf)
        if bool(torch.isneginf(scores[row].amax())):
            scores[row, places[row].mask.shortest] = 0.0
