"""What is wrong in the published scripts' scoring (specs/training.md 1.5), and must not be here."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.train.scoring.students import make_samples, make_student, make_tokenizer
from train.scoring.encoding import Encoder
from train.scoring.ratios import ifd_targets, ratio, rifd_targets
from train.scoring.scored import Scored
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.shards import targets_of
from train.scoring.target import Target
from train.scoring.templates import VICUNA, make_template

TOKENIZER = make_tokenizer()
ENCODER = Encoder(Score(), TOKENIZER, TOKENIZER.bos_token_id)


def ids(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("mode", ["exact", "faithful"])
def test_flaw_2_a_failed_score_is_no_zero_that_wins_and_no_nan_that_loses(
    mode: Any, tmp_path: Path
) -> None:
    scorer = Scorer(Score(model=str(make_student(tmp_path / "s")), device="cpu", mode=mode))
    broken = scorer.student.encoder.encode(Target("", "", "Q")).ids[-1]
    scorer.student.model.get_input_embeddings().weight[broken] = math.nan
    for question in ("Q", "why " * 400):
        pairs = [
            *ifd_targets("", question, "I say so.", scorer.template),
            *rifd_targets("", question, "I say so.", scorer.template),
        ]
        one = Scored("1", tuple(scorer.score(pairs)))
        assert one.status in {"failed", "too_long"}
        assert one.ifd is None
        assert one.rifd is None or 0 < one.rifd < math.inf
        assert all(likelihood.perplexity != 0 for likelihood in one.likelihoods)
        json.dumps(one.to_dict(), allow_nan=False)


def test_flaw_9_scores_come_in_batches_without_logits_where_no_target_stands(
    scorer: Scorer,
) -> None:
    body, head = scorer.student.model.base_model, scorer.student.model.get_output_embeddings()
    calls: list[dict[str, Any]] = []
    heads: list[int] = []
    hooks = [
        body.register_forward_pre_hook(lambda _, __, named: calls.append(named), with_kwargs=True),
        head.register_forward_pre_hook(lambda *_: heads.append(1)),
    ]
    targets = [t for one in make_samples(20).items() for t in targets_of(*one, scorer.template)]
    scorer.score(targets)
    for hook in hooks:
        hook.remove()
    assert len(calls) < len(targets) / 2
    assert not heads
    assert not any(named.get("output_hidden_states") for named in calls)


@pytest.mark.parametrize(
    ("context", "target"),
    [
        ("The Danube", "ube"),  # a token would span the boundary
        ("Name the Rhine. Name", " Name"),  # the target stands in the context
        ("USER: Explain ASSISTANT: Explain", " Explain"),
    ],
)
def test_flaw_10_the_target_is_known_and_not_searched_for(context: str, target: str) -> None:
    row = ENCODER.encode(Target("", context, target))
    assert row.ids[: row.first] == (TOKENIZER.bos_token_id, *ids(context))
    assert row.ids[row.first :] == ids(target)


def test_flaw_10_an_instruction_and_its_input_are_two() -> None:
    template = make_template(Score(), TOKENIZER)
    one = rifd_targets("", "Double 1", "24", template, given="2")
    other = rifd_targets("", "Double ", "24", template, given="12")
    assert one[0].target != other[0].target


def test_flaw_12_the_text_that_is_scored_is_the_text_of_training() -> None:
    template = make_template(Score(), TOKENIZER)
    under, _ = ifd_targets("", "Add.", "Three.", template)
    assert under.context + under.target == f"{VICUNA} USER: Add. ASSISTANT: Three."
    assert ENCODER.encode(under).ids[1:] == ids(under.context) + ids(" Three.")


def test_a_failed_likelihood_makes_no_ratio(scorer: Scorer) -> None:
    good, empty = scorer.score([Target("", "Hi", " there"), Target("", "Hi", "")])
    assert ratio(good, empty) is ratio(empty, good) is None
