from tests.train.small.tiny import TINY, tiny_tokenizer
from train.small.batches import POOL, Batch, Cursor, read_pool


def batches(cursor: Cursor) -> list[Batch]:
    tokenizer = tiny_tokenizer()
    pad = tokenizer.pad_token_id
    return list(read_pool(tokenizer, TINY.mixture, TINY.seed, TINY.batch_tokens, pad, cursor))


def test_a_cursor_goes_on_exactly_where_it_stands() -> None:
    whole = batches(Cursor(pool=2, phase=0.5))
    rest = batches(whole[4].next)
    assert len(rest) == len(whole) - 5
    for a, b in zip(whole[5:], rest, strict=True):
        assert a.ids.equal(b.ids)
        assert a.weights.equal(b.weights)
        assert (a.num_tokens, a.next) == (b.num_tokens, b.next)


def test_a_pool_is_dealt_out_once_within_the_batch_size() -> None:
    whole = batches(Cursor())
    assert sum(len(batch.ids) for batch in whole) == POOL
    assert all(batch.ids.numel() <= TINY.batch_tokens for batch in whole)
    padded = sum(batch.ids.numel() for batch in whole)
    assert sum(batch.num_tokens for batch in whole) > 0.9 * padded


def test_padding_has_no_weight() -> None:
    pad = tiny_tokenizer().pad_token_id
    for batch in batches(Cursor(pool=1)):
        assert not batch.weights[batch.ids == pad].any()
        assert batch.num_tokens == int((batch.ids != pad).sum())
