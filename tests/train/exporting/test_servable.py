from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import AddedToken

from decoding.bundle import BudgetDefaults, Bundle
from tests.train.exporting.tiny import tiny_model, tiny_tokenizer
from train.errors import TrainError
from train.exporting.servable import check_servable


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    tokenizer = tiny_tokenizer()
    tiny_model(tokenizer).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    budgets = BudgetDefaults(max_thinking_tokens=32, max_tokens=64)
    made = Bundle(tmp_path, "tiny", (tokenizer.eos_token_id,), budgets=budgets, efforts={"low": 8})
    made.save()
    return made


def test_a_sound_bundle_is_returned_as_it_is_read(bundle: Bundle) -> None:
    assert check_servable(bundle.folder, tiny_tokenizer()).budgets == bundle.budgets


def test_budgets_in_which_no_reply_can_end_are_refused(bundle: Bundle) -> None:
    replace(bundle, budgets=BudgetDefaults(max_tokens=3)).save()
    with pytest.raises(TrainError, match="could not be served: max_tokens must be at least"):
        check_servable(bundle.folder, tiny_tokenizer())


def test_a_tokenizer_with_more_ids_than_the_model_is_refused(bundle: Bundle) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([AddedToken("<new>", special=False)])
    tokenizer.save_pretrained(bundle.folder)
    with pytest.raises(TrainError, match=r"the tokenizer has \d+ ids, the model only \d+"):
        check_servable(bundle.folder, tokenizer)


def test_a_template_that_doubles_the_bos_is_refused(bundle: Bundle) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    with pytest.raises(TrainError, match="begins a conversation with 2 BOS"):
        check_servable(bundle.folder, tokenizer)
