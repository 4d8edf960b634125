"""Each row of a batch follows the constraint of its own request."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.answer import AnswerConstraint
from decoding.automata import Automata
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.grammars.grammar import GrammarError
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.conftest import params

pytest.importorskip("vllm", reason="vLLM is not installed")

from vllm import SamplingParams
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality

from decoding.adapters import admission
from decoding.adapters.admission import Admission
from decoding.adapters.vllm_v1 import Enforcer

OUTPUT = re.compile(rb"<output>\n?(.*?)\n?</output>", re.DOTALL)


def demanding(budget: Budget, answer: Any) -> SimpleNamespace:
    """Make the parameters of a request whose answer is constrained."""
    demand = answer.to_text() if isinstance(answer, AnswerConstraint) else answer
    return params(budget, extra_args={"reflection": budget.to_dict() | {"answer": demand}})


@pytest.fixture(scope="module")
def desk(vllm_config: SimpleNamespace) -> Admission:
    return Admission.load(vllm_config.model_config)


def test_rows_that_move_keep_their_constraints(
    vllm_config: SimpleNamespace, vocabulary: Vocabulary
) -> None:
    enforcer = Enforcer(vllm_config, torch.device("cpu"), False)
    stops = enforcer._admission.automaton.stop_token_ids
    budget = Budget(100, 20)
    patterns = ["[0-9]{3,}", "yes|no", "[a-f]+!", None, "yes|no"]
    replies: list[tuple[str | None, list[int]]] = [(pattern, []) for pattern in patterns]
    added = []
    for row, (pattern, token_ids) in enumerate(replies):
        answer = None if pattern is None else AnswerConstraint.regex(pattern).to_dict()
        added.append((row, demanding(budget, answer), None, token_ids))
    enforcer.update_state(BatchUpdate(5, [], added, []))
    draw = torch.Generator().manual_seed(3)
    for step in range(100):
        first, second = step % 5, (step + 2) % 5
        replies[first], replies[second] = replies[second], replies[first]
        moved = [(first, second, MoveDirectionality.SWAP)]
        enforcer.update_state(BatchUpdate(5, [], [], moved))
        logits = enforcer.apply(torch.randn(5, vocabulary.size, generator=draw))
        sampled = torch.multinomial(logits.softmax(1), 1, generator=draw).flatten().tolist()
        for (_, token_ids), token_id in zip(replies, sampled, strict=True):
            token_ids.append(token_id)
    for pattern, token_ids in replies:
        found = OUTPUT.search(vocabulary.decode(token_ids))
        assert found
        assert any(token_id in stops for token_id in token_ids)
        assert pattern is None or re.fullmatch(pattern, found[1].decode())


def test_the_budget_is_checked_against_the_constraint_s_automaton(
    desk: Admission, vllm_config: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraint = AnswerConstraint.regex("[0-9]{50}")
    least = desk.automata.find(constraint).least_tokens()
    assert least > desk.automaton.least_tokens() + 40
    given = desk.admit(demanding(Budget(least, 200), constraint), 0, "row 0")
    assert given is not None
    assert given.budget == Budget(least, 200)
    monkeypatch.setenv("REFLECT_BUNDLE", vllm_config.model_config.model)
    with pytest.raises(ValueError, match=f"at least {least}"):
        Enforcer.validate_params(demanding(Budget(least - 1, 200), constraint))


def test_what_cannot_end_well_gets_the_shortest_reply_of_its_constraint(
    desk: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    constraint = AnswerConstraint.regex("[0-9]{50}")
    request = demanding(Budget(20, 10), constraint)
    given = desk.admit(request, 0, "row 0")
    assert given is not None
    assert given.automaton is desk.automata.find(constraint)
    assert given.budget.max_tokens == given.automaton.least_tokens()
    assert "row 0" in caplog.text


def test_a_constraint_that_cannot_be_compiled_is_logged_and_hurts_nobody(
    desk: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    request = demanding(Budget(60, 30), {"regex": "(a"})
    given = desk.admit(request, 0, "row 0")
    assert given is not None
    assert given.automaton is desk.automaton
    assert "row 0" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        AnswerConstraint.regex("(secret"),
        AnswerConstraint.json_schema({"properties": {"secret": {"type": "secret"}}}),
        {"choice": ["a", {"secret": 1}]},
        {"secret": 1},
    ],
)
def test_no_word_of_the_client_is_logged(
    desk: Admission, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    desk.admit(demanding(Budget(60, 30), answer), 0, "row 0")
    assert "row 0" in caplog.text
    assert "GrammarError" in caplog.text
    assert "secret" not in caplog.text
    if isinstance(answer, AnswerConstraint):
        assert f"{answer.kind} {answer.digest}" in caplog.text


@pytest.mark.parametrize("error", [TypeError("secret"), RecursionError(), MemoryError()])
def test_a_failure_of_ours_gets_the_shortest_free_reply(
    desk: Admission, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    broken: Any = BrokenAutomata(desk.automata, error)
    request = demanding(Budget(60, 30), AnswerConstraint.regex("a"))
    given = replace(desk, automata=broken).admit(request, 0, "row 0")
    assert given is not None
    assert given.automaton is desk.automaton
    assert given.budget.max_tokens == desk.automaton.least_tokens()
    assert type(error).__name__ in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "answer", [7, [], {}, {"regex": 7}, {"regex": "a", "choice": ["b"]}, {"grammar": "a"}]
)
def test_a_malformed_constraint_is_refused_at_the_front(answer: Any) -> None:
    with pytest.raises(GrammarError, match=r"expected|must be"):
        Enforcer.validate_params(demanding(Budget(60, 30), answer))


def test_well_formed_constraints_pass_the_front_as_objects_and_as_texts() -> None:
    for constraint in (AnswerConstraint.choice(["a"]), AnswerConstraint.json_object()):
        for form in (constraint.to_dict(), constraint.to_text()):
            Enforcer.validate_params(demanding(Budget(60, 30), form))
            assert admission.constraint_of(form) == constraint
    assert admission.constraint_of(None) is None


def test_the_front_end_that_knows_no_bundle_does_not_read_a_text() -> None:
    Enforcer.validate_params(demanding(Budget(60, 30), "["))


class BrokenAutomata:
    """Automata of which none but the free one can be had."""

    def __init__(self, automata: Automata, error: Exception) -> None:
        self.plain, self.error = automata.plain, error

    def find(self, _: AnswerConstraint | None = None) -> Automaton:
        raise self.error


class CountedAutomata:
    """Automata that remember what was sought."""

    def __init__(self, automata: Automata) -> None:
        self.automata = automata
        self.plain = automata.plain
        self.sought: list[AnswerConstraint | None] = []

    def find(self, constraint: AnswerConstraint | None = None) -> Automaton:
        self.sought.append(constraint)
        return self.automata.find(constraint)


def test_the_automaton_of_a_request_is_sought_once(desk: Admission) -> None:
    counted: Any = CountedAutomata(desk.automata)
    constraint = AnswerConstraint.regex("[0-9]{3}")
    request = demanding(Budget(60, 30), constraint)
    assert replace(desk, automata=counted).admit(request, 0, "row 0") is not None
    assert counted.sought == [constraint]


def test_a_constraint_with_integers_of_any_size_reaches_the_engine() -> None:
    constraint = AnswerConstraint.json_schema({"const": 2**70})
    extra = {"reflection": Budget(60, 30).to_dict() | {"answer": constraint.to_text()}}
    SamplingParams(max_tokens=60, extra_args=extra)
