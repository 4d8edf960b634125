"""What both model runners of vLLM share: the automaton of a model, and the budget of a request."""

from __future__ import annotations

import logging
from typing import Any

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.bundle import Bundle
from decoding.vocabulary import Vocabulary, VocabularyError

logger = logging.getLogger(__name__)

EXTRA_ARG = "reflection"
HUGE = 1e30  # stands for an infinite logit: no temperature overflows it
AT_ODDS = {
    "min_tokens": 0,
    "ignore_eos": False,
    "structured_outputs": None,
    "thinking_token_budget": None,
}


def load_automaton(model_config: Any) -> Automaton:
    """Build the automaton of the served folder for as many ids as the model has logits."""
    bundle = Bundle.load(model_config.model)
    size = int(model_config.get_vocab_size())
    vocabulary = Vocabulary.load(bundle.folder, size=size, tags=bundle.format.tags)
    if vocabulary.size > size:
        raise VocabularyError(
            f"{bundle.folder}: the tokenizer has {vocabulary.size} ids, the model only {size}"
        )
    return Automaton.build(bundle.format, vocabulary, bundle.stop_token_ids, bundle.reply_prefix)


def budget_of(sampling_params: Any) -> Budget | None:
    """Return the request's budget, None where nothing is enforced; BudgetError if malformed."""
    values = (sampling_params.extra_args or {}).get(EXTRA_ARG)
    if values is None:
        return None
    if not isinstance(values, dict):
        raise ValueError(f"extra_args.{EXTRA_ARG} must be a budget, not {type(values).__name__}")
    return Budget.from_dict(values)


def admit(sampling_params: Any, automaton: Automaton, place: str) -> Budget | None:
    """Return a request's budget for its place in the batch; one that cannot end well is logged."""
    budget = budget_of(sampling_params)
    if budget is not None:
        try:
            budget.check(automaton)
        except BudgetError as error:  # the server refuses it; other front ends may not
            logger.warning("%s cannot end well: %s", place, error)
    return budget


def check(sampling_params: Any) -> None:
    """Raise ValueError for a malformed budget, or parameters that would break the enforcement."""
    budget = budget_of(sampling_params)
    if budget is None:
        return
    for name, neutral in AT_ODDS.items():
        if getattr(sampling_params, name, neutral) not in (neutral, None):
            raise ValueError(f"{name} cannot be used where the reply format is enforced")
    most = sampling_params.max_tokens
    if most is not None and most < budget.max_tokens:
        raise ValueError(
            f"max_tokens ({most}) must not be smaller than the budget's ({budget.max_tokens})"
        )
