"""Allowance: what a key's limits leave of what its requests ask for."""

from __future__ import annotations

from dataclasses import replace

from decoding.budget import Budget
from decoding.bundle import BudgetDefaults, Bundle
from server.errors import Forbidden
from server.keys.policy import EFFORTS, Policy
from server.model import ServedModel
from server.protocol.chat import ChatCompletionRequest

NO_LIMITS = Policy()


def effort_tokens(asked: str, bundle: Bundle) -> int | None:
    """Return an effort's thinking tokens; one that the bundle lacks is the nearest it has."""
    efforts = bundle.efforts
    if asked in efforts or asked == "none":
        return efforts.get(asked, 0)
    ranks = {name: rank for rank, name in enumerate(EFFORTS)}
    known = [name for name in efforts if name in ranks]
    if not known:
        return None
    return efforts[min(known, key=lambda name: (abs(ranks[name] - ranks[asked]), ranks[name]))]


def most_thinking(bundle: Bundle, policy: Policy) -> int | None:
    """Return the most thinking tokens of a key's replies; None where it has no limit."""
    by_effort = None if policy.max_effort is None else effort_tokens(policy.max_effort, bundle)
    return (
        by_effort
        if policy.max_thinking_tokens is None
        else _capped(policy.max_thinking_tokens, by_effort)
    )


def check_allowance(request: ChatCompletionRequest, model: ServedModel, policy: Policy) -> None:
    """Raise Forbidden for what is asked for in so many words, and is more than the key may have.

    What nobody asked for is lowered instead, by `lower_defaults`.
    """
    asked, limit = request.reasoning_effort, policy.max_effort
    if asked is not None and limit is not None and EFFORTS.index(asked) > EFFORTS.index(limit):
        raise _beyond("reasoning_effort", limit)
    if request.reflection is not None:
        thinking = request.reflection.max_thinking_tokens
        _check("reflection.max_thinking_tokens", thinking, most_thinking(model.bundle, policy))
    for name in ("max_tokens", "max_completion_tokens"):
        _check(name, getattr(request, name), policy.max_tokens)


def check_reflections(
    budget: Budget, request: ChatCompletionRequest, model: ServedModel, policy: Policy
) -> None:
    """Raise Forbidden where the reflections that are asked for take more thinking than allowed."""
    limit = most_thinking(model.bundle, policy)
    asked = request.reflection is not None and request.reflection.min_reflections
    if asked and limit is not None and budget.max_thinking_tokens > limit:
        raise Forbidden(
            f"'reflection.min_reflections' takes {budget.max_thinking_tokens} tokens of thinking, "
            f"of which this API key may have at most {limit}.",
            param="reflection.min_reflections",
        )


def lower_defaults(defaults: BudgetDefaults, model: ServedModel, policy: Policy) -> BudgetDefaults:
    """Return the model's own budgets, where they are larger than the key's limits these."""
    thinking = _capped(defaults.max_thinking_tokens, most_thinking(model.bundle, policy))
    tokens = _capped(defaults.max_tokens, policy.max_tokens)
    return replace(defaults, max_thinking_tokens=thinking, max_tokens=tokens)


def lower_effort(effort: int | None, model: ServedModel, policy: Policy) -> int | None:
    """Return the thinking tokens of an effort, or the key's limit where that is less."""
    return None if effort is None else _capped(effort, most_thinking(model.bundle, policy))


def _capped(value: int, limit: int | None) -> int:
    return value if limit is None else min(value, limit)


def _check(param: str, asked: int | None, limit: int | None) -> None:
    if asked is not None and limit is not None and asked > limit:
        raise _beyond(param, limit)


def _beyond(param: str, limit: int | str) -> Forbidden:
    return Forbidden(f"'{param}' may be at most {limit} with this API key.", param=param)
