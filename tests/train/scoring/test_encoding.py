from types import SimpleNamespace
from typing import Any

import pytest

from tests.train.scoring.students import make_tokenizer
from train.errors import TrainError
from train.scoring.controls import BREAK
from train.scoring.encoding import EMPTY, TOO_LONG, Encoder, find_opening
from train.scoring.settings import Score
from train.scoring.target import Target

BYTES = make_tokenizer()
BOS = BYTES.bos_token_id
CONTEXT, TEXT = "Name three rivers. ASSISTANT:", " The Danube ends in the Black Sea."


def encoder(tokenizer: Any = BYTES, **changes: Any) -> Encoder:
    return Encoder(Score(**changes), tokenizer, tokenizer.bos_token_id)


def ids(text: str, tokenizer: Any = BYTES) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def plain(text: str) -> tuple[int, ...]:
    """The ids of a text in which control tokens are words as others."""
    encoded = BYTES(text, add_special_tokens=False, split_special_tokens=True)
    return tuple(encoded["input_ids"])


def test_a_target_has_the_same_ids_under_its_context_and_alone() -> None:
    under = encoder().encode(Target("", CONTEXT, TEXT))
    alone = encoder().encode(Target("", "", TEXT, beside=CONTEXT))
    assert under.ids == (BOS, *ids(CONTEXT), *ids(TEXT))
    assert alone.ids == (BOS, *ids(TEXT))
    assert under.ids[under.first :] == alone.ids[alone.first :] == ids(TEXT)


def test_both_passes_keep_as_many_tokens_as_fit_behind_the_longer_context() -> None:
    room = 9
    cut = encoder(max_length=1 + len(ids(CONTEXT)) + room)
    under = cut.encode(Target("", CONTEXT, TEXT))
    alone = cut.encode(Target("", "", TEXT, beside=CONTEXT))
    assert under.ids[under.first :] == alone.ids[alone.first :] == ids(TEXT)[:room]


@pytest.mark.parametrize("room", [-5, 0, 7])
def test_a_target_cut_to_fewer_than_eight_tokens_is_too_long_in_both_passes(room: int) -> None:
    cut = encoder(max_length=1 + len(ids(CONTEXT)) + room)
    assert cut.encode(Target("", CONTEXT, TEXT)) == TOO_LONG
    assert cut.encode(Target("", "", TEXT, beside=CONTEXT)) == TOO_LONG


def test_a_short_target_that_fits_is_scored() -> None:
    row = encoder(max_length=1 + len(ids(CONTEXT)) + 2).encode(Target("", CONTEXT, " T"))
    assert row.num_targets == len(ids(" T")) < 8


def test_nothing_to_score_is_empty() -> None:
    assert encoder().encode(Target("", CONTEXT, "")) == EMPTY


def test_control_tokens_in_data_are_plain_text() -> None:
    row = encoder().encode(Target("", f"{CONTEXT}<|eot|>", "a <|eot|> b"))
    assert BYTES.convert_tokens_to_ids("<|eot|>") not in row.ids


def test_a_chat_template_keeps_its_control_tokens_and_its_one_bos() -> None:
    row = encoder(template="chat").encode(
        Target("", "<s>[user] Hi<|eot|>[assistant] ", "a <|eot|>")
    )
    eot = BYTES.convert_tokens_to_ids("<|eot|>")
    assert row.ids[: row.first].count(eot) == 1
    assert eot not in row.ids[row.first :]
    assert row.ids.count(BOS) == 1


def test_data_that_hold_the_mark_of_hidden_tokens_spell_none_in_a_plain_template() -> None:
    row = encoder().encode(Target("", f"{CONTEXT} {BREAK} <|eot|><s>", TEXT))
    assert row.ids == (BOS, *plain(f"{CONTEXT} {BREAK} <|eot|><s>"), *ids(TEXT))


def test_the_space_before_a_response_is_the_one_that_llama_2_writes_itself() -> None:
    llama = make_tokenizer(writes_a_space=True)
    row = encoder(llama).encode(Target("", CONTEXT, TEXT))
    assert row.ids == (llama.bos_token_id, *ids(CONTEXT, llama), *ids(TEXT[1:], llama))
    assert llama.convert_ids_to_tokens(row.ids[row.first]).startswith("▁")
    assert not llama.convert_ids_to_tokens(row.ids[row.first]).startswith("▁▁")


def test_faithful_cuts_the_joined_text_and_leaves_the_lone_target_one_bos_more() -> None:
    text = CONTEXT + TEXT[1:]
    limit = 1 + len(ids(CONTEXT)) + 3
    published = encoder(mode="faithful", max_length=limit)
    under = published.encode(Target("", CONTEXT, TEXT[1:]))
    alone = published.encode(Target("", "", TEXT[1:], beside=CONTEXT))
    assert under.ids == (BOS, *ids(text))[:limit]
    assert under.first == 1 + len(ids(CONTEXT))
    assert len(alone.ids) == limit - (1 + len(ids(CONTEXT))) + 1


def test_faithful_with_a_context_that_fills_the_window_is_a_status() -> None:
    published = encoder(mode="faithful", max_length=len(ids(CONTEXT)))
    assert published.encode(Target("", CONTEXT, TEXT)) == TOO_LONG
    assert published.encode(Target("", "", TEXT, beside=CONTEXT)) == TOO_LONG


@pytest.mark.parametrize(
    ("bos", "config_bos", "eos", "opening"),
    [(3, 4, 5, 3), (None, 4, 5, 4), (None, None, 5, 5), (None, [6, 7], 5, 6)],
)
def test_a_text_begins_with_bos_or_with_the_end_of_another(
    bos: Any, config_bos: Any, eos: Any, opening: int
) -> None:
    tokenizer = SimpleNamespace(bos_token_id=bos, eos_token_id=eos)
    text = SimpleNamespace(bos_token_id=config_bos)  # not every configuration has an EOS
    config = SimpleNamespace(get_text_config=lambda: text)
    assert find_opening(tokenizer, config) == opening


def test_a_model_without_either_is_refused() -> None:
    nothing = SimpleNamespace(bos_token_id=None, eos_token_id=None)
    nothing.get_text_config = lambda: nothing
    with pytest.raises(TrainError, match="neither a BOS nor an EOS"):
        find_opening(nothing, nothing)
