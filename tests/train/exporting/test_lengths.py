from train.building.dataset import KINDS
from train.exporting.lengths import EFFORTS, Lengths


def kinds(text: str) -> list[int]:
    """p prompt, t think, w wrong, r reflection, o output; redo is d."""
    names = dict(zip("ptwrdo", KINDS, strict=True))
    return [KINDS.index(names[letter]) for letter in text]


def test_efforts_are_percentiles_rounded_up() -> None:
    lengths = Lengths(thinking=list(range(101)), answers=[3, 9], num_reflections=4)
    assert lengths.efforts == {"minimal": 32, "low": 56, "medium": 96, "high": 104}
    assert lengths.budgets.min_answer_tokens == 16
    assert lengths.budgets.max_reflections == 6


def test_replies_are_measured_by_the_kinds_of_their_tokens() -> None:
    lengths = Lengths.of([kinds("pptwrdrdooo"), kinds("ptto")])
    assert lengths == Lengths([2, 6], [1, 3], num_reflections=2, bare=[])


def test_each_reply_of_a_conversation_counts() -> None:
    assert Lengths.of([kinds("pptoopptttooo")]) == Lengths([1, 3], [2, 3], 0, bare=[])


def test_replies_without_thinking_get_budgets_without_thinking() -> None:
    lengths = Lengths.of([kinds("ppoooo"), kinds("poo")])
    assert lengths.efforts == dict.fromkeys(EFFORTS, 0)
    assert lengths.budgets.max_thinking_tokens == 0
    assert lengths.budgets.max_tokens == 16


def test_long_answers_without_thought_take_no_room_from_thinking() -> None:
    lengths = Lengths.of([kinds("p" + "o" * 100), kinds("pttto")])
    assert lengths == Lengths([3], [1], 0, bare=[100])
    assert lengths.budgets.min_answer_tokens == 8
    assert lengths.budgets.max_tokens == 112
