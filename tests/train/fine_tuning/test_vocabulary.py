from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.train.fine_tuning.tiny import TAGS, demo_tokenizer, tagged_tokenizer
from train.fine_tuning.vocabulary import MULTIPLE, has_tied_head, new_tokens, teach_tokens


def model(*, is_tied: bool = False, rows: int = 0) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=rows or len(demo_tokenizer()),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        tie_word_embeddings=is_tied,
    )
    return LlamaForCausalLM(config)


def test_new_tokens_are_those_that_the_former_tokenizer_lacks() -> None:
    former, tokenizer = demo_tokenizer(), tagged_tokenizer()
    assert list(new_tokens(tokenizer, former)) == TAGS
    assert new_tokens(former, former) == {}


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_new_tag_starts_as_the_mean_of_its_former_pieces(is_tied: bool) -> None:
    student, former, tokenizer = model(is_tied=is_tied), demo_tokenizer(), tagged_tokenizer()
    before = [
        matrix.weight.detach().clone()
        for matrix in (student.get_input_embeddings(), student.get_output_embeddings())
    ]
    ids = teach_tokens(student, tokenizer, former)
    assert ids == tokenizer.convert_tokens_to_ids(TAGS)
    after = (student.get_input_embeddings().weight, student.get_output_embeddings().weight)
    for old, new in zip(before, after, strict=True):
        assert torch.equal(new[: len(old)], old)
        for tag, id in zip(TAGS, ids, strict=True):
            pieces = former(tag, add_special_tokens=False)["input_ids"]
            assert len(pieces) > 1
            torch.testing.assert_close(new[id], old[pieces].mean(0))


def test_the_matrix_grows_to_a_multiple_and_its_spare_rows_never_stand_out() -> None:
    student = model()
    num_rows = student.get_output_embeddings().weight.shape[0]
    mean = student.get_output_embeddings().weight.detach().mean(0)
    teach_tokens(student, tagged_tokenizer(), demo_tokenizer())
    weight = student.get_output_embeddings().weight
    assert weight.shape[0] % MULTIPLE == 0
    assert weight.shape[0] - num_rows < MULTIPLE
    assert student.config.vocab_size == weight.shape[0]
    torch.testing.assert_close(
        weight[len(tagged_tokenizer()) :],
        mean.expand(weight.shape[0] - len(tagged_tokenizer()), -1),
    )


def test_a_matrix_with_room_keeps_its_size() -> None:
    student = model(rows=len(tagged_tokenizer()) + 5)
    teach_tokens(student, tagged_tokenizer(), demo_tokenizer())
    assert student.config.vocab_size == len(tagged_tokenizer()) + 5


def test_a_tied_head_is_seen() -> None:
    assert has_tied_head(model(is_tied=True))
    assert not has_tied_head(model())
