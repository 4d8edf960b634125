from train.scoring.encoding import Row
from train.scoring.progress import Progress


def test_the_line_tells_tokens_and_the_share_of_padding() -> None:
    with Progress(8, is_shown=False) as progress:
        assert progress.told == "0 tokens, 0% padding"
        progress.on_batch([Row((1, 2, 3, 4), 1), Row((1, 2), 1)])
        progress.finish_shard(8)
    assert progress.told == "6 tokens, 25% padding"
