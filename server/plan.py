"""Plan: a request made definite, as what the engine is asked for and what the client may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from decoding.budget import Budget, BudgetError
from server.answers import Answer
from server.engines.engine import Sampling
from server.errors import Forbidden, NotFound, RequestError
from server.keys.allowance import (
    NO_LIMITS,
    check_allowance,
    check_reflections,
    effort_tokens,
    lower_defaults,
    lower_effort,
)
from server.keys.policy import Policy
from server.model import ServedModel
from server.prompts.chat_template import TemplateError
from server.prompts.conversation import Conversation
from server.prompts.prompt import PromptError
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import budget_error
from server.protocol.fields import ReflectionOptions
from server.protocol.logprobs import MAX_TOP_LOGPROBS
from server.settings import Settings

LEAST_TOP_P = 1e-6  # engines refuse 0, which OpenAI takes for the most likely token alone


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that follows from one valid request; immutable."""

    prompt_token_ids: tuple[int, ...]
    budget: Budget
    samplings: tuple[Sampling, ...]
    """One a choice: each choice is an engine request of its own, so that a stop string ends it
    alone; the engine's prefix cache computes their prompt once."""
    stops: tuple[str, ...]
    shows_reasoning: bool
    num_top_logprobs: int | None = None
    """How many alternatives come with each token of the answer; None is no logprobs at all."""
    answer: Answer | None = None


def check_request(
    request: ChatCompletionRequest, model: ServedModel, settings: Settings, policy: Policy
) -> None:
    """Refuse what this server, or the key's policy, does not serve, before any work is done."""
    check_model(request.model, model, policy)
    if request.include_reasoning and not policy.may_see_reasoning:
        raise Forbidden(
            "This server's policy hides the reasoning; 'include_reasoning' needs a key that may "
            "see it, or a server that was started with --reasoning visible.",
            param="include_reasoning",
        )
    check_allowance(request, model, policy)
    if len(request.messages) > settings.max_messages:
        raise RequestError(
            f"A request may have at most {settings.max_messages} messages.", param="messages"
        )
    if (request.n or 1) > settings.max_choices:
        raise RequestError(f"'n' may be at most {settings.max_choices} here.", param="n")
    _check_biases(request.biases, model)
    if request.messages[-1].role == "assistant":
        raise RequestError(
            "The last message must not be the assistant's: a reply cannot be continued, it is "
            "always begun anew.",
            param="messages",
        )


def check_model(name: str, model: ServedModel, policy: Policy) -> None:
    """Raise NotFound unless this is the model, and the key may use it."""
    if name != model.bundle.name or not policy.may_use(name):
        raise NotFound(
            f"The model does not exist or is not this key's; {_known_models(model, policy)}.",
            param="model",
            code="model_not_found",
        )


def _known_models(model: ServedModel, policy: Policy) -> str:
    name = model.bundle.name
    return f"this server has '{name}'" if policy.may_use(name) else "it has none here"


def _check_biases(biases: Mapping[int, float], model: ServedModel) -> None:
    size = model.vocabulary.size
    wrong = next((token_id for token_id in biases if token_id >= size), None)
    if wrong is not None:
        raise RequestError(
            f"Invalid 'logit_bias': the model's token ids are 0 to {size - 1}, came {wrong}.",
            param="logit_bias",
            code="invalid_value",
        )


def make_plan(
    request: ChatCompletionRequest,
    model: ServedModel,
    max_model_len: int,
    policy: Policy = NO_LIMITS,
) -> Plan:
    """Render the prompt and settle the budget, as if any answer would do.

    policy: of it only the limits count here. Raises RequestError for what cannot be done; it
    cannot be done with a demand on the answer either, as any text that would do takes at least as
    many tokens as the shortest of all.
    """
    told = Conversation.of(request)
    try:
        prompt = model.prompter.render_prompt(told.messages, told.tools)
    except (PromptError, TemplateError) as error:
        raise RequestError(f"The messages cannot be used: {error}.", param="messages") from error
    budget = _budget(request, model, policy, max_model_len - len(prompt), None)
    if budget.skips_thinking(model.bundle.format):
        prompt = model.prompter.render_prompt(told.messages, told.tools, has_prefix=False)
    return Plan(
        prompt_token_ids=tuple(prompt),
        budget=budget,
        samplings=_samplings(request, model, budget),
        stops=tuple(request.stop or ()),
        shows_reasoning=bool(request.include_reasoning),
        num_top_logprobs=(request.top_logprobs or 0) if request.logprobs else None,
    )


def demand(
    plan: Plan,
    answer: Answer,
    request: ChatCompletionRequest,
    model: ServedModel,
    max_model_len: int,
    policy: Policy = NO_LIMITS,
) -> Plan:
    """Return the plan with the answer that the request demands; raise RequestError if too long."""
    room = max_model_len - len(plan.prompt_token_ids)
    budget = _budget(request, model, policy, room, answer)
    samplings = _samplings(request, model, budget)
    return replace(plan, budget=budget, samplings=samplings, answer=answer)


def _budget(
    request: ChatCompletionRequest,
    model: ServedModel,
    policy: Policy,
    room: int,
    answer: Answer | None,
) -> Budget:
    asked = request.reflection or ReflectionOptions()
    effort = request.reasoning_effort
    wish = None if effort is None else effort_tokens(effort, model.bundle)
    try:
        budget = Budget.for_request(
            model.automaton if answer is None else answer.masks.automaton,
            lower_defaults(model.bundle.budgets, model, policy),
            room=room,
            effort=lower_effort(wish, model, policy),
            max_tokens=request.max_completion_tokens or request.max_tokens,
            max_thinking_tokens=asked.max_thinking_tokens,
            min_reflections=asked.min_reflections,
            max_reflections=asked.max_reflections,
            min_answer_tokens=asked.min_answer_tokens,
        )
    except BudgetError as error:
        sent = _sent(request, asked)
        if answer is not None:
            sent = {"answer": answer.param} | sent
            if error.field == "messages" and room >= model.automaton.least_tokens():
                raise RequestError(
                    f"Invalid '{answer.param}': {error}, or permit a shorter answer.",
                    param=answer.param,
                    code="context_length_exceeded",
                ) from error
        if error.field == "max_tokens" and "max_tokens" not in sent and policy.max_tokens:
            raise Forbidden(
                f"The {policy.max_tokens} tokens that this API key allows a reply are too few: "
                f"{error}."
            ) from error
        raise budget_error(error, sent) from error
    check_reflections(budget, request, model, policy)
    return budget


def _sent(request: ChatCompletionRequest, asked: ReflectionOptions) -> dict[str, str]:
    """Return how the client named the budgets that it sent; what a default may not bear first."""
    fields = ("min_reflections", "min_answer_tokens", "max_reflections", "max_thinking_tokens")
    sent = {name: f"reflection.{name}" for name in fields if getattr(asked, name) is not None}
    for name in ("max_tokens", "max_completion_tokens"):
        if getattr(request, name) is not None:
            sent["max_tokens"] = name
    return sent


def _samplings(
    request: ChatCompletionRequest, model: ServedModel, budget: Budget
) -> tuple[Sampling, ...]:
    bundle = model.bundle
    temperature = bundle.temperature if request.temperature is None else request.temperature
    top_p = bundle.top_p if request.top_p is None else max(request.top_p, LEAST_TOP_P)
    return tuple(
        Sampling(
            max_tokens=budget.max_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=None if request.seed is None else (request.seed + choice) % 2**63,
            num_logprobs=_num_logprobs(request),
            frequency_penalty=request.frequency_penalty or 0.0,
            presence_penalty=request.presence_penalty or 0.0,
            repetition_penalty=request.repetition_penalty or 1.0,
            logit_bias=tuple(request.biases.items()),
            top_k=max(request.top_k or 0, 0),
            min_p=request.min_p or 0.0,
        )
        for choice in range(request.n or 1)
    )


def _num_logprobs(request: ChatCompletionRequest) -> int | None:
    """Return how many to ask for: all there are, as some cannot stand in an answer."""
    if not request.logprobs:
        return None
    return MAX_TOP_LOGPROBS if request.top_logprobs else 0
