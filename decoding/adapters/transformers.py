"""Enforcement in Hugging Face `model.generate`: a logits processor for batches, beams and drafts.

    enforcer = Enforcer.load(folder, Budget(max_tokens=256, max_thinking_tokens=200))
    output = model.generate(**inputs, **enforcer.kwargs)

Where there are several logits processors put it last: what it forbids must stay forbidden.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, LogitsProcessor, LogitsProcessorList

from decoding.adapters.admission import load_automaton
from decoding.adapters.masked_logits import MaskedLogits
from decoding.adapters.reply_rows import ReplyRows
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.bundle import Bundle


class Enforcer(LogitsProcessor):
    """Keeps every reply of a batch in the format; its `kwargs` serve one call of generate each.

    What a row may say is a pure function of its budget and of its own tokens after the prompt:
    beams, returned sequences and drafts may change the rows as they like. A row whose tokens left
    the format, as beam sampling's candidates without probability do, is closed: it may only stop.
    Law: every reply is well-formed and within its budget, unless generate cuts it: max_new_tokens
    must not be smaller than the budget's max_tokens (`kwargs` sets it).
    Handed to generate itself, it serves one call: in a next one it takes a prompt that begins with
    the last one for that prompt's reply, and closes the row. With a prompt_length, which all calls
    then share, it serves any number.
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
        self._masked_logits = MaskedLogits()

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
        """What one call of generate needs: the length, the stop ids, and a new processor.

        Read it anew for each call, also of several at a time: no two share anything that changes.
        """
        return {
            "max_new_tokens": max(budget.max_tokens for budget in self.budgets),
            "eos_token_id": list(self.automaton.stop_token_ids),
            "logits_processor": LogitsProcessorList([self._afresh()]),
        }

    def _afresh(self) -> Self:
        return type(self)(self.automaton, self.budgets, prompt_length=self._prompt_length)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return (rows, vocab) scores, a copy, with -inf where a token may not come next.

        input_ids: (rows, length), prompts and replies. Raises ValueError where the shapes are not
        those of the budgets and the automaton; the tokens themselves never raise.
        """
        self._check(input_ids, scores)
        places = self._rows.follow(input_ids.cpu().numpy().astype(np.int64))
        scores = scores.clone()  # the caller's may be the model's own logits, or be used again
        self._masked_logits.apply(scores, {row: at.mask for row, at in enumerate(places)})
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
