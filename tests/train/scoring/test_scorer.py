import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM

from benchmarks.parts.published_scoring import Published
from tests.train.scoring.students import make_gemma, make_samples, make_student, make_tokenizer
from train.scoring.loading import identify
from train.scoring.ratios import ratio
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.shards import targets_of
from train.scoring.target import Likelihood, Target

SAMPLES = make_samples(24)


def targets(scorer: Scorer) -> list[Target]:
    return [target for one in SAMPLES.items() for target in targets_of(*one, scorer.template)]


def plainly(folder: Path, scorer: Scorer, target: Target) -> float:
    """One sequence alone, the model's own loss over its labels."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    row = scorer.student.encoder.encode(target)
    ids = torch.tensor([row.ids])
    labels = ids.clone()
    labels[0, : row.first] = -100
    with torch.no_grad():
        return float(model(input_ids=ids, labels=labels).loss)


def test_batches_give_the_models_own_loss_of_each_sequence(
    scorer: Scorer, student_folder: Path
) -> None:
    asked = targets(scorer)[:24]
    for target, likelihood in zip(asked, scorer.score(asked), strict=True):
        wanted = plainly(student_folder, scorer, target)
        assert likelihood.mean_nll == pytest.approx(wanted, abs=1e-5)


def test_faithful_equals_the_published_way_on_every_sample_that_both_can_score(
    faithful: Scorer, student_folder: Path
) -> None:
    published = Published(str(student_folder), faithful.settings.max_length)
    ours = faithful.score(targets(faithful))
    num_compared = 0
    for at, sample in enumerate(SAMPLES.values()):
        for their, our in zip(published.score(sample), ours[4 * at :], strict=False):
            assert math.isnan(their) == (our.mean_nll is None)
            if our.mean_nll is not None:
                assert our.mean_nll == pytest.approx(their, abs=1e-5)
                num_compared += 1
    assert num_compared > 80


def test_the_order_and_company_of_targets_change_no_number(scorer: Scorer) -> None:
    asked = targets(scorer)
    mixed = asked * 2
    random.Random(1).shuffle(mixed)
    found = dict(zip(mixed, scorer.score(mixed), strict=True))
    assert [found[target] for target in asked] == scorer.score(asked)
    for target in asked[:4]:
        (alone,) = scorer.score([target])
        assert alone.sum_nll == pytest.approx(found[target].sum_nll, rel=1e-5)


def test_equal_sequences_are_scored_once(scorer: Scorer) -> None:
    one = targets(scorer)[1]
    rows = [scorer.student.encoder.encode(replace(one, key=str(at))) for at in range(5)]
    assert [len(batch) for batch in scorer.plan(rows)] == [1]


def test_batches_keep_to_their_budget_of_tokens(scorer: Scorer) -> None:
    rows = {scorer.student.encoder.encode(target) for target in targets(scorer)}
    batches = list(scorer.plan(list(rows)))
    assert {row for batch in batches for row in batch} == {row for row in rows if row.ids}
    assert all(len(b) * len(b[0].ids) <= 512 for b in batches if len(b) > 1)
    assert len(batches) > 4


def test_what_cannot_be_scored_is_a_status_without_a_ratio(scorer: Scorer) -> None:
    long = Target("", "why " * 400, " because")
    asked = [long, Target("", "", " because", beside=long.context), Target("", "Hi", "")]
    found = scorer.score([*asked, Target("", "Hi", " there")])
    assert [one.status for one in found] == ["too_long", "too_long", "empty", "ok"]
    assert ratio(*found[:2]) is None


def test_a_number_that_is_not_finite_fails_its_own_sample_alone(tmp_path: Path) -> None:
    folder = make_student(tmp_path / "broken")
    scorer = Scorer(Score(model=str(folder), device="cpu"))
    (broken,) = scorer.student.encoder.encode(Target("", "", "Q")).ids[1:]
    scorer.student.model.get_input_embeddings().weight[broken] = math.nan
    found = scorer.score([Target("", "Q and", " some text"), Target("", "A and", " some text")])
    assert found[0] == Likelihood(0, 0.0, "failed")
    assert found[1].status == "ok"


def test_logits_that_are_more_than_the_heads_are_the_models_own(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    config: Any = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=256,
        final_logit_softcapping=0.5,
        initializer_range=0.5,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=1,
    )
    Gemma2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    scorer = Scorer(Score(model=str(tmp_path), device="cpu"))
    assert not scorer.student.is_plain
    asked = targets(scorer)[:4]
    for target, likelihood in zip(asked, scorer.score(asked), strict=True):
        wanted = plainly(tmp_path, scorer, target)
        assert likelihood.mean_nll == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("sees", [False, True])
def test_a_model_whose_text_has_a_configuration_of_its_own_is_scored(
    tmp_path: Path, sees: bool
) -> None:
    scorer = Scorer(Score(model=str(make_gemma(tmp_path, sees=sees)), device="cpu"))
    assert (scorer.settings.max_length, scorer.student.is_plain) == (256, True)
    asked = targets(scorer)[:8]
    for target, likelihood in zip(asked, scorer.score(asked), strict=True):
        assert likelihood.mean_nll == pytest.approx(plainly(tmp_path, scorer, target), abs=1e-5)


def test_the_hash_tells_what_changes_a_score_and_not_how_fast_it_came(
    scorer: Scorer, student_folder: Path
) -> None:
    same = replace(scorer.settings, token_budget=64, chunk=8, shards=3)
    assert identify(same).sha256 == scorer.sha256
    others = [
        replace(scorer.settings, mode="faithful"),
        replace(scorer.settings, max_length=128),
        replace(scorer.settings, template="alpaca"),
    ]
    assert len({scorer.sha256, *(identify(other).sha256 for other in others)}) == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_in_bfloat16_agrees_with_a_cpu_in_float32(
    scorer: Scorer, student_folder: Path
) -> None:
    settings = Score(model=str(student_folder), device="cuda", dtype="bfloat16")
    asked = targets(scorer)
    for one, other in zip(scorer.score(asked), Scorer(settings).score(asked), strict=True):
        assert one.status == other.status
        assert other.mean_nll == pytest.approx(one.mean_nll, rel=0.05)
