"""What both model runners of vLLM share: what a request asks of the enforcement, and what it gets.

A request asks by `extra_args`: {"reflection": true} for the bundle's defaults, or some keys of a
Budget; a JSON text of either is as good, because vLLM's HTTP server lets no object through. Beside
the budget's keys "answer" may hold a constraint, the JSON form of an AnswerConstraint or its text.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from decoding.answer import MAX_TEXT, AnswerConstraint
from decoding.automata import Automata
from decoding.automaton import MAX_MIN_REFLECTIONS, Automaton
from decoding.automaton_cache import default_folder
from decoding.budget import MAX_TOKENS, Budget, BudgetError
from decoding.bundle import BudgetDefaults, Bundle
from decoding.grammars.grammar import GrammarError
from decoding.vocabulary import Vocabulary, VocabularyError

logger = logging.getLogger(__name__)

EXTRA_ARG = "reflection"
ANSWER = "answer"  # the key of a constraint, beside those of the budget
FOLDER_VARIABLE = "REFLECT_BUNDLE"
HUGE = 1e30  # stands for an infinite logit: no temperature overflows it
MAX_MODEL_LEN = 1 << 30
AT_ODDS: Mapping[str, tuple[Any, str]] = {
    "min_tokens": (0, f"; use min_tokens of {EXTRA_ARG}"),
    "ignore_eos": (False, ""),
    "stop": ([], ": it would cut the reply"),
    "structured_outputs": (None, ""),
    "thinking_token_budget": (None, f"; use max_thinking_tokens of {EXTRA_ARG}"),
    "repetition_detection": (None, ": it would cut the reply"),
    "trace_decode_token_ids": (None, ""),
}


def load_automata(model_config: Any) -> Automata:
    """Find or make the automata of the served folder for as many ids as the model has logits."""
    bundle = Bundle.load(model_config.model)
    size = int(model_config.get_vocab_size())
    vocabulary = Vocabulary.load(bundle.folder, size=size, tags=bundle.format.tags)
    if vocabulary.size > size:
        raise VocabularyError(
            f"{bundle.folder}: the tokenizer has {vocabulary.size} ids, the model only {size}"
        )
    return Automata(
        bundle.format,
        vocabulary,
        bundle.stop_token_ids,
        bundle.reply_prefix,
        folder=default_folder(),
    )


def load_automaton(model_config: Any) -> Automaton:
    """Find or make the automaton of replies whose answer is free."""
    return load_automata(model_config).plain


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a request got: the budget of its reply, and the automaton that it follows."""

    budget: Budget
    automaton: Automaton


@dataclass(frozen=True, slots=True)
class Admission:
    """Gives requests to one model budget and automaton; one per worker, and one per front end."""

    automata: Automata
    defaults: BudgetDefaults
    max_model_len: int

    @classmethod
    def load(cls, model_config: Any) -> Self:
        """Read the served folder as vLLM's configuration names it."""
        return cls(
            load_automata(model_config),
            Bundle.load(model_config.model).budgets,
            int(model_config.max_model_len),
        )

    @property
    def automaton(self) -> Automaton:
        """The automaton of replies whose answer is free."""
        return self.automata.plain

    def admit(self, sampling_params: Any, num_prompt_tokens: int, place: str) -> Admitted | None:
        """Return what the request gets, None where nothing is enforced.

        What cannot end well, which a front end that knows the bundle refuses, is logged and gets
        the shortest reply; its answer is free where its constraint is wrong.
        """
        automaton, constraint = self.automaton, None
        try:
            asked = asked_of(sampling_params)
            if asked is None:
                return None
            limits, answer = split(asked)
            constraint = constraint_of(answer)
            automaton = self.automata.find(constraint)
            budget = self.settle(limits, automaton, sampling_params, num_prompt_tokens)
        except Exception as error:  # noqa: BLE001  what is raised here ends the engine
            reason = _reason(error, constraint)
            logger.error("%s gets the shortest reply, for it cannot end well: %s", place, reason)
            budget = _shortest(automaton)
        return Admitted(budget, automaton)

    def settle(
        self,
        limits: Mapping[str, Any],
        automaton: Automaton,
        sampling_params: Any,
        num_prompt_tokens: int = 0,
    ) -> Budget:
        """Return the budget of a request that asks for these limits.

        What is not asked for is the bundle's default, which shrinks to the room: vLLM's
        max_tokens, and what the prompt leaves of the context. Raises ValueError for what is
        malformed, BudgetError where no reply can end well.
        """
        _check_form(limits, sampling_params.max_tokens)  # here nothing else may raise
        rest = dict(limits)
        most = min(rest.pop("max_tokens", MAX_TOKENS), sampling_params.max_tokens or MAX_TOKENS)
        late = {name: rest.pop(name) for name in ("min_tokens", "soft_tokens") if name in rest}
        room = self.max_model_len - num_prompt_tokens
        budget = Budget.for_request(automaton, self.defaults, room=room, max_tokens=most, **rest)
        budget = replace(budget, **late)
        budget.check(automaton)
        _check_stops(sampling_params, automaton)
        return budget


def _reason(error: Exception, constraint: AnswerConstraint | None) -> str:
    """Say what was wrong without a word of the client's, whom messages quote."""
    if isinstance(error, BudgetError):
        return f"{error.field} (at least {error.least}, at most {error.most})"
    name = type(error).__name__
    return name if constraint is None else f"{name}: {constraint.kind} {constraint.digest}"


def _shortest(automaton: Automaton) -> Budget:
    """Return the budget of the shortest reply of all."""
    thinking = automaton.least_thinking_tokens()
    return Budget(automaton.least_tokens(), thinking, max_reflections=0)


def _check_stops(sampling_params: Any, automaton: Automaton) -> None:
    """Raise BudgetError if a token that a reply may hold would make vLLM cut it there."""
    stops = set(getattr(sampling_params, "stop_token_ids", None) or ())
    for token_id in sorted(stops - set(automaton.stop_token_ids)):
        is_known = 0 <= token_id < automaton.vocab_size
        if is_known and (automaton.next[:, automaton.classes[token_id]] >= 0).any():
            raise BudgetError(
                f"stop_token_ids must be of {list(automaton.stop_token_ids)}, or ids that "
                f"no reply can hold, not {token_id}: it would cut the reply",
                field="stop_token_ids",
            )


def check(sampling_params: Any) -> None:
    """Raise ValueError for a malformed request, or parameters that would break the enforcement.

    vLLM asks this of its front end, which knows no model: whether a reply can end well within the
    budget is seen here only where the environment names the bundle.
    """
    asked = asked_of(sampling_params)
    if asked is None:
        return
    for name, (neutral, hint) in AT_ODDS.items():
        if getattr(sampling_params, name, neutral) not in (neutral, None):
            raise ValueError(f"{name} cannot be used where the reply format is enforced{hint}")
    limits, answer = split(asked)
    _check_answer(answer)
    most = sampling_params.max_tokens
    _check_form(limits, most)
    if most is not None and most < limits.get("max_tokens", most):
        raise ValueError(
            f"max_tokens ({most}) must not be smaller than the budget's ({limits['max_tokens']})"
        )
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        known = _admission_of(folder)
        known.settle(limits, known.automata.find(constraint_of(answer)), sampling_params)


def _check_answer(answer: Any) -> None:
    """Raise GrammarError for a malformed constraint; a text is left to the worker.

    Reading one may take a second, for which the front end would answer nobody.
    """
    if not isinstance(answer, str) or len(answer) > MAX_TEXT:
        constraint_of(answer)


def _check_form(limits: Mapping[str, Any], max_tokens: int | None) -> None:
    """Raise BudgetError for values that no budget can have, whatever the model."""
    widest = {
        "max_tokens": min(max_tokens or MAX_TOKENS, MAX_TOKENS),
        "max_thinking_tokens": MAX_TOKENS,
        "max_reflections": MAX_MIN_REFLECTIONS,
    }
    Budget(**{**widest, **limits})


def asked_of(sampling_params: Any) -> dict[str, Any] | None:
    """Return what the request asks for by key, {} for all defaults, None for no enforcement."""
    asked = (sampling_params.extra_args or {}).get(EXTRA_ARG)
    if isinstance(asked, str):
        asked = _parse(asked)
    if asked is None or asked in (False, True):  # over HTTP vLLM makes them 0 and 1
        return {} if asked else None
    known = [*(field.name for field in fields(Budget)), ANSWER]
    if not isinstance(asked, Mapping):
        raise ValueError(
            f"{EXTRA_ARG} must be true, an object with some of {known}, or a JSON text of one, "
            f"not of type {type(asked).__name__}"
        )
    odd = [name for name in asked if name not in known]
    if odd:
        raise ValueError(f"{EXTRA_ARG} must have keys of {known}, not {odd[0]!r:.99}")
    return {name: value for name, value in asked.items() if value is not None}


def constraint_of(answer: Any) -> AnswerConstraint | None:
    """Read what is demanded of the answer; raise GrammarError if it is malformed."""
    if answer is None:
        return None
    if isinstance(answer, str):
        return AnswerConstraint.from_text(answer)
    if not isinstance(answer, Mapping):
        raise GrammarError(
            f"{EXTRA_ARG}.{ANSWER} must be an object such as {{'regex': 'a+'}} or a JSON text of "
            f"one, not of type {type(answer).__name__}"
        )
    return AnswerConstraint.from_dict(answer)


def split(asked: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Part the keys of the budget from the constraint on the answer, None if there is none."""
    limits = dict(asked)
    answer = limits.pop(ANSWER, None)
    return limits, answer


def _parse(text: str) -> Any:
    if len(text) > MAX_TEXT:
        raise ValueError(f"{EXTRA_ARG} must have at most {MAX_TEXT} characters, not {len(text)}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXTRA_ARG} must be true, an object or a JSON text: {error}") from error


@lru_cache(maxsize=1)
def _admission_of(folder: str) -> Admission:
    """Read the bundle in the front end, where vLLM has already taken the context off max_tokens."""
    try:
        size = _vocab_size(Path(folder))
        return Admission.load(
            SimpleNamespace(model=folder, get_vocab_size=lambda: size, max_model_len=MAX_MODEL_LEN)
        )
    except (ValueError, OSError, LookupError) as error:  # no client's fault
        raise RuntimeError(f"{FOLDER_VARIABLE} names no bundle: {error!r}") from error


def _vocab_size(folder: Path) -> int:
    """Return what vLLM tells the worker, so that both find the same automata on disk."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return int(config.get("text_config", config)["vocab_size"])
