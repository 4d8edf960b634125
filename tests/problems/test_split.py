from problems.split import stable_hash


def test_the_hash_is_the_same_in_every_process() -> None:
    assert stable_hash("") == 0xE4A6A0577479B2B4
