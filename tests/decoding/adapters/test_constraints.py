"""Each row of a batch follows the constraint of its own request."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.answer import AnswerConstraint
from decoding.budget import Budget
from decoding.grammars.grammar import GrammarError
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.conftest import params

pytest.importorskip("vllm", reason="vLLM is not installed")

from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality

from decoding.adapters import admission
from decoding.adapters.admission import Admission
from decoding.adapters.vllm_v1 import Enforcer

OUTPUT = re.compile(rb"<output>\n?(.*?)\n?</output>", re.DOTALL)


def demanding(budget: Budget, answer: Any) -> SimpleNamespace:
    """Make the parameters of a request whose answer is constrained."""
    demand = answer.to_dict() if isinstance(answer, AnswerConstraint) else answer
    return params(budget, extra_args={"reflection": budget.to_dict() | {"answer": demand}})


@pytest.fixture(scope="module")
def admitted(vllm_config: SimpleNamespace) -> Admission:
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


def test_the_budget_is_checked_against_the_constraint_s_automaton(admitted: Admission) -> None:
    constraint = AnswerConstraint.regex("[0-9]{50}")
    least = admitted.automata.find(constraint).least_tokens()
    assert least > admitted.automaton.least_tokens() + 40
    budget = admitted.settle(demanding(Budget(least, 200), constraint))
    assert budget is not None
    assert budget.max_tokens == least
    with pytest.raises(ValueError, match=f"at least {least}"):
        admitted.settle(demanding(Budget(least - 1, 200), constraint))


def test_what_cannot_end_well_gets_the_shortest_reply_of_its_constraint(
    admitted: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    constraint = AnswerConstraint.regex("[0-9]{50}")
    request = demanding(Budget(20, 10), constraint)
    budget = admitted.admit(request, 0, "row 0")
    assert budget is not None
    assert budget.max_tokens == admitted.automata.find(constraint).least_tokens()
    assert admitted.automaton_of(request) is admitted.automata.find(constraint)
    assert "row 0" in caplog.text


def test_a_constraint_that_cannot_be_compiled_is_logged_and_hurts_nobody(
    admitted: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    request = demanding(Budget(60, 30), {"regex": "(a"})
    budget = admitted.admit(request, 0, "row 0")
    assert budget is not None
    assert admitted.automaton_of(request) is admitted.automaton
    assert "row 0" in caplog.text


@pytest.mark.parametrize(
    "answer", [7, [], {}, {"regex": 7}, {"regex": "a", "choice": ["b"]}, {"grammar": "a"}]
)
def test_a_malformed_constraint_is_refused_at_the_front(answer: Any) -> None:
    with pytest.raises(GrammarError, match=r"expected|must be"):
        Enforcer.validate_params(demanding(Budget(60, 30), answer))


def test_well_formed_constraints_pass_the_front() -> None:
    for constraint in (AnswerConstraint.choice(["a"]), AnswerConstraint.json_object()):
        request = demanding(Budget(60, 30), constraint)
        Enforcer.validate_params(request)
        assert admission.constraint_of(request) == constraint
    assert admission.constraint_of(params(Budget(60, 30))) is None
    assert admission.constraint_of(params(None)) is None
