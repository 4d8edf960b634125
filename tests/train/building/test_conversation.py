from train.building.conversation import Conversation, Drop, Reason, distinct, share_of, split_of
from train.segments import Kind, Segment


def conversation(id: str, question: str, *texts: str) -> Conversation:
    segments = tuple(Segment(text, Kind.OUTPUT) for text in texts)
    return Conversation(id, "file.jsonl", "train", question, segments)


def test_the_first_of_equal_conversations_is_kept_however_it_is_cut() -> None:
    drops: list[Drop] = []
    one, two = conversation("a", "q", "xy"), conversation("b", "q", "x", "y")
    other = conversation("c", "p", "xy")
    assert distinct([one, two, other], drops) == [one, other]
    assert drops == [Drop("b", "file.jsonl", Reason.DUPLICATE, "a")]


def test_a_share_is_even_and_belongs_to_seed_purpose_and_id() -> None:
    shares = [share_of(1, "erase", str(number)) for number in range(2000)]
    assert all(0 <= share < 1 for share in shares)
    assert 900 < sum(share < 0.5 for share in shares) < 1100
    assert share_of(1, "erase", "7") == shares[7]
    assert len({share_of(1, "erase", "7"), share_of(2, "erase", "7"), share_of(1, "x", "7")}) == 3


def test_the_holdout_is_the_share_asked_for() -> None:
    splits = [split_of(1, str(number), 0.1) for number in range(2000)]
    assert 150 < splits.count("holdout") < 250
    assert {split_of(1, str(number), 0.0) for number in range(200)} == {"train"}
