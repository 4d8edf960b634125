from dataclasses import replace

import pytest

from train.building.conversation import Conversation, Drop, Reason
from train.building.duplicates import NUM_PERMUTATIONS, bands, drop_near_duplicates
from train.segments import Kind, Segment

TEXT = " ".join(f"word{number}" for number in range(60))


def conversation(id: str, text: str) -> Conversation:
    return Conversation(id, "f", "train", "A question?", (Segment(text, Kind.OUTPUT),))


def kept(threshold: float, *conversations: Conversation) -> tuple[list[str], list[Drop]]:
    drops: list[Drop] = []
    left = drop_near_duplicates(conversations, threshold, drops)
    return [one.id for one in left], drops


def test_nearly_equal_texts_are_one_and_the_report_names_the_other() -> None:
    nearly = conversation("b", TEXT.replace("word30", "another"))
    ids, drops = kept(0.8, conversation("a", TEXT), nearly, conversation("c", TEXT[::-1]))
    assert ids == ["a", "c"]
    assert drops == [Drop("b", "f", Reason.NEAR_DUPLICATE, "a")]


def test_texts_half_alike_stay() -> None:
    half = " ".join([TEXT[: len(TEXT) // 2], TEXT[::-1][: len(TEXT) // 2]])
    assert kept(0.8, conversation("a", TEXT), conversation("b", half))[0] == ["a", "b"]


def test_generated_texts_are_alike_on_purpose() -> None:
    generated = replace(conversation("b", TEXT), is_generated=True)
    ids, drops = kept(0.8, conversation("a", TEXT), generated, replace(generated, id="c"))
    assert ids == ["a", "b", "c"]
    assert drops == []


def test_a_threshold_of_nothing_lets_all_pass() -> None:
    assert kept(0, conversation("a", TEXT), conversation("b", TEXT))[0] == ["a", "b"]


def test_what_is_dropped_is_the_same_every_time() -> None:
    texts = [conversation(str(n), TEXT.replace(f"word{n}", "x")) for n in range(30)]
    assert kept(0.9, *texts) == kept(0.9, *texts)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8, 0.95, 1.0])
def test_the_index_misses_one_in_a_thousand_at_most(threshold: float) -> None:
    num_bands, size = bands(threshold)
    assert 2 <= num_bands <= num_bands * size <= NUM_PERMUTATIONS
    is_in_no_band = (1 - threshold**size) ** num_bands
    assert is_in_no_band <= 0.001
