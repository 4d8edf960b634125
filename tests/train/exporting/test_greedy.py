import torch

from tests.train.exporting.tiny import tiny_model, tiny_tokenizer
from train.exporting.greedy import Written, read_reply, write_greedily


def test_a_reply_read_at_once_is_likeliest_where_it_was_written() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer)
    written = write_greedily(model, [1, 2, 3], 12, [tokenizer.eos_token_id])
    logprobs, likeliest = read_reply(model, written)
    assert likeliest.tolist() == list(written.ids)
    assert len(logprobs) == len(written.leads) == len(written.ids)
    assert (logprobs < 0).all()
    other = Written(written.prompt, (written.ids[0] ^ 1, *written.ids[1:]), written.leads)
    assert read_reply(model, other)[0][0] < logprobs[0]


def test_it_ends_with_the_first_stop_token() -> None:
    model = tiny_model(tiny_tokenizer())
    whole = write_greedily(model, [1, 2, 3], 8, [])
    assert len(whole.ids) == 8
    stop = whole.ids[3]
    cut = whole.ids[: whole.ids.index(stop) + 1]
    assert write_greedily(model, [1, 2, 3], 8, [stop]).ids == cut


def test_a_cut_ends_before_the_first_unsure_token() -> None:
    written = Written((1,), (4, 5, 6), (2.0, 0.5, 3.0))
    assert written.least_lead == 0.5
    assert written.cut(1.0) == Written((1,), (4,), (2.0,))
    assert written.cut(0.5) == written
    assert written.cut(9.0).ids == ()


def test_a_model_in_training_stays_so() -> None:
    model = tiny_model(tiny_tokenizer()).train()
    write_greedily(model, [1], 1, [])
    assert model.training
    assert torch.is_grad_enabled()
