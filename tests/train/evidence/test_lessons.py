import pytest

from train.evidence.lessons import Lesson, Mask, Style
from train.evidence.own_mistakes import OwnMistakes
from train.segments import Example, Kind
from train.small.countdown import example

REFLECTING = [Lesson(Style.REFLECTING, mask) for mask in Mask]
INDEX = next(i for i in range(100) if "<reflection>" in example(1, i, p_more=0.65).reply)


def learned(taught: Example) -> str:
    return "".join(segment.text for segment in taught.segments if segment.loss)


def test_all_styles_ask_the_same_puzzles() -> None:
    for index in range(20):
        prompts = {
            Lesson(style).example(3, index, 0.0).problem.prompt
            for style in (Style.DIRECT, Style.THINKING, Style.REFLECTING)
        }
        assert len(prompts) == 1


def test_a_direct_lesson_is_the_answer_and_a_thinking_one_has_no_mistake() -> None:
    direct, thinking = (
        Lesson(style).example(1, INDEX, 0.0) for style in (Style.DIRECT, Style.THINKING)
    )
    assert direct.reply.startswith("<output>")
    assert direct.problem.is_right(direct.reply[len("<output>") : -len("</output>")])
    assert [segment.kind for segment in thinking.segments] == [Kind.THINK] * 3 + [Kind.OUTPUT]


@pytest.mark.parametrize("mask", [Mask.NONE, Mask.ATTEMPTS])
def test_masks_change_what_is_learned_and_never_the_text(mask: Mask) -> None:
    by_decisions = Lesson(Style.REFLECTING).example(1, INDEX, 0.0)
    other = Lesson(Style.REFLECTING, mask).example(1, INDEX, 0.0)
    assert other.reply == by_decisions.reply
    assert learned(other) != learned(by_decisions)


def test_without_a_mask_everything_is_learned() -> None:
    taught = Lesson(Style.REFLECTING, Mask.NONE).example(1, INDEX, 0.0)
    assert learned(taught) == taught.reply


def test_masked_attempts_leave_reflections_and_the_right_attempt() -> None:
    taught = Lesson(Style.REFLECTING, Mask.ATTEMPTS).example(1, INDEX, 0.0)
    kinds = {segment.kind for segment in taught.segments if segment.loss}
    assert kinds == {Kind.THINK, Kind.REFLECTION, Kind.OUTPUT}
    assert all(not s.loss for s in taught.segments if s.kind is Kind.WRONG)


def test_masked_decisions_leave_their_honest_results() -> None:
    taught = Lesson(Style.REFLECTING).example(1, INDEX, 0.0)
    wrong = [segment for segment in taught.segments if segment.kind is Kind.WRONG]
    assert [segment.loss for segment in wrong] == [False, True] * (len(wrong) // 2)
    assert all(segment.text.lstrip().startswith("=") for segment in wrong if segment.loss)


def test_a_prefix_mask_teaches_each_example_whole_and_from_its_first_reflection_on() -> None:
    lesson = Lesson(Style.REFLECTING, Mask.PREFIX)
    whole, copy = lesson.example(1, 2 * INDEX, 0.0), lesson.example(1, 2 * INDEX + 1, 0.0)
    assert whole.reply == copy.reply
    assert learned(whole) == whole.reply
    before, tag, after = whole.reply.partition("<reflection>")
    assert learned(copy) == tag + after
    assert before


def test_a_prefix_mask_leaves_examples_without_reflections_whole() -> None:
    index = next(i for i in range(100) if "<reflection>" not in example(1, i, p_more=0.65).reply)
    lesson = Lesson(Style.REFLECTING, Mask.PREFIX)
    for copy in (0, 1):
        taught = lesson.example(1, 2 * index + copy, 0.0)
        assert learned(taught) == taught.reply


def test_own_mistakes_stand_in_the_record_by_their_hash() -> None:
    one, other = (OwnMistakes(((line,),)) for line in ("1 + 2 = 3, 3 + 4 = 7", ""))
    records = [Lesson(Style.REFLECTING, own=own).to_dict() for own in (one, other, None)]
    assert records[0]["own"] == one.sha256 != records[1]["own"]
    assert records[2]["own"] is None
