import pytest

from problems.countdown import Puzzle
from problems.word_problems import WordProblem
from train.evidence.lessons import Lesson, Mask, Style
from train.evidence.own_mistakes import OwnMistakes
from train.evidence.puzzles import Part, part
from train.segments import Example, Kind


def example(index: int) -> Example:
    return Lesson(Style.REFLECTING).example(1, index, 0.0)


INDEX = next(i for i in range(100) if "<reflection>" in example(i).reply)


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
    index = next(i for i in range(100) if "<reflection>" not in example(i).reply)
    lesson = Lesson(Style.REFLECTING, Mask.PREFIX)
    for copy in (0, 1):
        taught = lesson.example(1, 2 * index + copy, 0.0)
        assert learned(taught) == taught.reply


def test_own_mistakes_stand_in_the_record_by_their_hash() -> None:
    one, other = (OwnMistakes(((line,),)) for line in ("1 + 2 = 3, 3 + 4 = 7", ""))
    records = [Lesson(Style.REFLECTING, own=own).to_dict() for own in (one, other, None)]
    assert records[0]["own"] == one.sha256 != records[1]["own"]
    assert records[2]["own"] is None


LESSONS = {
    "drawn": Lesson(Style.REFLECTING),
    "own": Lesson(Style.REFLECTING, own=OwnMistakes(((),) * 10)),
    "mixed": Lesson(Style.REFLECTING, words_share=0.3),
    "longer": Lesson(Style.REFLECTING, num_numbers=4),
}


@pytest.mark.parametrize("name", LESSONS)
def test_no_line_of_a_lesson_reaches_what_is_held_out(name: str) -> None:
    taught = [LESSONS[name].example(1, index, 1.0) for index in range(300)]
    reached = [
        (one.problem.numbers, int(line.rpartition(" = ")[2]))
        for one in taught
        if isinstance(one.problem, Puzzle)
        for line in one.reply.splitlines()
        if line[0].isdigit()
    ]
    assert len(reached) > 400
    assert {part(*pair) for pair in reached} == {Part.TRAIN}


@pytest.mark.parametrize("words_mistakes", [0.0, 0.5])
def test_word_problems_have_reflections_where_they_are_meant_to(words_mistakes: float) -> None:
    lesson = Lesson(Style.REFLECTING, words_share=0.5, words_mistakes=words_mistakes)
    taught = [lesson.example(1, index, 1.0) for index in range(200)]
    words = [one for one in taught if isinstance(one.problem, WordProblem)]
    assert 70 < len(words) < 130
    kinds = {segment.kind for one in words for segment in one.segments}
    assert (Kind.REFLECTION in kinds) == (words_mistakes > 0)


def test_what_goes_on_is_taught_other_examples() -> None:
    first, later = Lesson(Style.THINKING), Lesson(Style.THINKING, first=100)
    assert later.example(1, 3, 0.0) == first.example(1, 103, 0.0) != first.example(1, 3, 0.0)
