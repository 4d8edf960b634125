import pytest
import torch

from problems.reflections import _is_right_attempt
from tests.train.small.tiny import TINY, tiny_tokenizer
from train.evidence.measuring import _attempts, forced, mean_logprobs
from train.evidence.puzzles import Part, puzzles
from train.small.evaluation import answer
from train.small.tokenizer import prompt_text
from train.small.tuning import build_model


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(TINY, tiny_tokenizer()).eval()


def test_the_attempts_put_into_a_models_mouth_are_one_right_and_one_wrong() -> None:
    for puzzle in puzzles(Part.TEST, 50):
        lines = _attempts(puzzle)
        assert _is_right_attempt(puzzle, lines["right"].strip())
        assert not _is_right_attempt(puzzle, lines["wrong"].strip())
        assert lines == _attempts(puzzle)


def test_a_model_that_always_reflects_is_caught_at_it(model: torch.nn.Module) -> None:
    tokenizer = tiny_tokenizer()
    tag = tokenizer.convert_tokens_to_ids("<reflection>")

    def always(input_ids: torch.Tensor, logits_to_keep: int) -> object:
        logits = torch.full((1, logits_to_keep, len(tokenizer)), -100.0)
        logits[..., tag] = 100.0
        return type("Out", (), {"logits": logits})

    assert forced(always, tokenizer, puzzles(Part.TEST, 3)) == pytest.approx(
        {"wrong": 1.0, "right": 1.0}
    )
    assert 0 < forced(model, tokenizer, puzzles(Part.TEST, 3))["wrong"] < 0.2


def test_the_mean_log_probability_is_that_of_the_reply_alone(model: torch.nn.Module) -> None:
    tokenizer = tiny_tokenizer()
    verdicts = answer(model, tokenizer, puzzles(Part.TEST, 3), 0.7)
    for verdict, found in zip(verdicts, mean_logprobs(model, tokenizer, verdicts), strict=True):
        head = prompt_text(tokenizer, verdict.problem.prompt)
        text = head + verdict.text + tokenizer.eos_token * verdict.is_finished
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        start = len(tokenizer(head, add_special_tokens=False)["input_ids"])
        with torch.no_grad():
            loss = model(
                input_ids=ids,
                labels=torch.cat([torch.full((1, start), -100), ids[:, start:]], 1),
            ).loss
        assert found == pytest.approx(-float(loss), abs=2e-3)
