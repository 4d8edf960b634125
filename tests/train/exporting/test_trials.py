from datasets import Dataset

from tests.train.exporting.tiny import QUESTIONS, tiny_rows, tiny_tokenizer
from train.exporting.trials import QUESTIONS as OURS
from train.exporting.trials import plain_prompts, prompt_ids, taught_prompts


def test_prompts_are_those_of_built_rows_up_to_the_reply() -> None:
    tokenizer = tiny_tokenizer()
    rows = [
        {"input_ids": row.input_ids.tolist(), "kinds": row.kinds.tolist()}
        for row in tiny_rows(tokenizer)
    ]
    data = Dataset.from_list(rows)
    ids = [prompt_ids(tokenizer, question) for question in QUESTIONS]
    assert taught_prompts(data, len(ids)) == ids
    assert taught_prompts(data, 100) == ids
    assert taught_prompts(data, 2) == [ids[0], ids[-1]]
    twice = Dataset.from_list(rows[:1] * 2)
    assert taught_prompts(twice, 2) == ids[:1]


def test_our_own_prompts_have_one_bos() -> None:
    tokenizer = tiny_tokenizer()
    found = plain_prompts(tokenizer, 3)
    assert [tokenizer.decode(ids).count(OURS[at]) for at, ids in enumerate(found)] == [1, 1, 1]
    assert all(ids.count(tokenizer.bos_token_id) == 1 for ids in found)
    assert len(plain_prompts(tokenizer, 100)) == len(OURS)
