from pathlib import Path

import pytest
import torch

from tests.train.exporting.tiny import tiny_adapter, tiny_model, tiny_tokenizer
from train.errors import TrainError
from train.exporting.self_test import Reference, check_cast, check_file, check_merge

PROMPTS = [[1, 2, 3], [40, 50, 60, 70], [80]]


def test_a_merge_leaves_every_reply_and_a_lost_one_is_found() -> None:
    tuned = tiny_adapter(tiny_model(tiny_tokenizer()))
    reference = Reference.write(tuned, PROMPTS, [])
    merged = tuned.merge_and_unload(safe_merge=True)
    found = reference.compare(merged, 0.1)
    check_merge(found)
    assert (found.num_replies, found.num_written) == (3, 3)
    assert found.num_likeliest == found.num_tokens == 3 * 64
    assert found.num_turned == 0
    lost = reference.compare(tiny_model(tiny_tokenizer()), 0.1)  # as if nothing had been merged
    assert lost.num_turned > 0
    with pytest.raises(TrainError, match="merged weights are not the tuned ones"):
        check_merge(lost)


def test_what_is_not_a_number_is_refused() -> None:
    model = tiny_model(tiny_tokenizer())
    reference = Reference.write(model, PROMPTS, [])
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(TrainError, match="differs by nan"):
        check_merge(reference.compare(model, 0.1))
    with pytest.raises(TrainError, match="not numbers"):
        check_cast(reference.compare(model, 0.1), "float32")


def test_the_cast_may_turn_only_what_was_close() -> None:
    model = tiny_model(tiny_tokenizer())
    reference = Reference.write(model, PROMPTS, [])
    check_cast(reference.compare(model.to(torch.bfloat16).float(), 1.0), "bfloat16")
    with torch.no_grad():
        model.model.embed_tokens.weight[reference.replies[0].ids[0]] = 0.0  # one tag was not saved
    with pytest.raises(TrainError, match=r"in bfloat16 is not what was tuned: of \d+ tokens"):
        check_cast(reference.compare(model, 1.0), "bfloat16")


def test_a_file_that_holds_other_weights_is_refused(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer).to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    assert check_file(tmp_path, model).dtype == torch.bfloat16
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[0, 0] += 1
    with pytest.raises(TrainError, match=r"model\.layers\.0\.mlp\.up_proj\.weight"):
        check_file(tmp_path, model)
