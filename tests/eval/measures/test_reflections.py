from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.turn import Failure, Turn
from estimates.paired import mcnemar
from eval.measures.reflections import FLOWS, figures
from eval.question import Question
from eval.sample import Sample
from eval.score import Score, Scorer
from eval.scorers.gsm8k import GSM8K
from eval.scorers.letters import LETTER
from eval.task import Generated, Task
from eval.tasks.generated import COUNTDOWN, WORD_PROBLEMS
from problems.countdown import Puzzle, attempts
from problems.families import from_row
from problems.word_problems import WordProblem

RIGHT, WRONG = "42", "41"


def equals_gold(question: Question, texts: Sequence[str]) -> Score:
    return Score(float(texts[0].strip() == question.gold), extracted=texts[0].strip())


def last_line(question: Question, thoughts: str) -> str | None:
    return thoughts.strip().rpartition("\n")[2] or None


SCORER = Scorer("equals_gold", 1, equals_gold, stated=last_line)
QUESTIONS = {str(at): Question(str(at), ("?",), RIGHT) for at in range(200)}


def raw(before: str, after: str, reflections: int = 1) -> Turn:
    doubts = f"{before}\n" + "<reflection>sure?</reflection>\n" * reflections
    return Turn(f"<thinking>\n{doubts}</thinking>\n<output>{after}</output>")


def sample(at: int, turn: Turn, epoch: int = 0) -> Sample:
    found = Sample(str(at), epoch, "", "", (turn,))
    return replace(found, score=equals_gold(QUESTIONS[str(at)], found.texts))


def told(samples: Sequence[Sample], scorer: Scorer | None = SCORER) -> dict:
    found = figures(QUESTIONS, samples, scorer)
    assert isinstance(found, dict)
    return found


def test_hidden_thoughts_are_not_available_and_never_zero() -> None:
    assert figures(QUESTIONS, [sample(1, Turn(RIGHT)), sample(2, Turn(WRONG))], SCORER) == (
        "not available"
    )
    assert figures(QUESTIONS, [], SCORER) == "not available"


def test_where_only_some_replies_show_their_thoughts_the_shares_are_of_those() -> None:
    shown = Turn(RIGHT, reasoning="so\n<reflection>\nhm\n</reflection>\nyes")
    found = told([sample(1, shown), sample(2, Turn(RIGHT)), sample(3, Turn(RIGHT))])
    assert (found["shown"], found["replies"], found["rebuilt"]) == (1, 3, 1)
    assert (found["with_reflection"]["k"], found["with_reflection"]["n"]) == (1, 1)


def test_an_endpoint_that_shows_tags_shows_all_and_a_reply_without_them_breaks_the_format() -> None:
    found = told([sample(1, raw(WRONG, RIGHT)), sample(2, Turn(RIGHT))])
    assert (found["shown"], found["replies"], found["rebuilt"]) == (2, 2, 0)
    assert (found["format_valid"]["k"], found["format_valid"]["n"]) == (1, 2)
    assert (found["with_reflection"]["k"], found["with_reflection"]["n"]) == (1, 2)


def test_an_answer_that_mentions_the_tags_shows_no_thoughts() -> None:
    samples = [
        sample(1, Turn("It begins with <thinking> and may <reflection>.")),
        sample(2, Turn("42")),
    ]
    assert figures(QUESTIONS, samples, SCORER) == "not available"


def test_a_request_that_failed_is_no_reply() -> None:
    failed = Sample("2", 0, "", "", failure=Failure("no", 400))
    assert told([sample(1, raw(WRONG, RIGHT)), failed])["replies"] == 1


@pytest.mark.parametrize(
    ("content", "is_valid"),
    [
        ("<thinking>a</thinking>\n<output>42</output>", True),
        ("<thinking>a<reflection>b</reflection></thinking><output>42</output>", True),
        ("<thinking>a</thinking>\n<output>42", False),
        ("<thinking>a</thinking>\n<output> </output>", False),
        ("<thinking>a", False),
        ("<thinking>a</thinking>42", False),
        ("<thinking><reflection>b</thinking>\n<output>42</output>", False),
    ],
)
def test_the_format_is_checked_on_the_raw_text(content: str, is_valid: bool) -> None:
    assert told([sample(1, Turn(content))])["format_valid"]["k"] == is_valid


def test_an_answer_about_tags_does_not_break_the_format_of_a_rebuilt_reply() -> None:
    turn = Turn("Write <output> and <thinking>.", reasoning="hm")
    assert told([sample(1, turn)])["format_valid"]["k"] == 1
    assert told([sample(1, replace(turn, content=""))])["format_valid"]["k"] == 0


def test_reflections_are_counted_in_the_thoughts_alone() -> None:
    talk = Turn("<thinking>a</thinking>\n<output>a <reflection> is a tag</output>")
    turns = [raw(WRONG, RIGHT, 3), raw(WRONG, RIGHT, 0), talk, Turn("<thinking>x<reflection>y")]
    found = told([sample(at, turn) for at, turn in enumerate(turns)])
    assert found["with_reflection"]["k"] == 2
    assert found["reflections_per_answer"] == {"p50": 0, "p95": 3, "mean": 1.0, "n": 4}


@given(
    st.lists(
        st.tuples(st.sampled_from([RIGHT, WRONG, ""]), st.booleans(), st.integers(0, 2)),
        min_size=1,
        max_size=40,
    )
)
def test_each_reply_that_reflects_is_in_one_flow(cases: list[tuple[str, bool, int]]) -> None:
    samples = [
        sample(at, raw(before, RIGHT if is_right else WRONG, reflections))
        for at, (before, is_right, reflections) in enumerate(cases)
    ]
    found = told(samples)["corrections"]
    reflecting = [case for case in cases if case[2]]
    assert found["n"] == len(reflecting) == sum(found[flow] for flow in FLOWS)
    assert found["none_before"] == sum(before == "" for before, _, _ in reflecting)
    b = sum(before == RIGHT and not after for before, after, _ in reflecting)
    c = sum(before == WRONG and after for before, after, _ in reflecting)
    assert (found["right_to_wrong"], found["wrong_to_right"], found["net"]) == (b, c, c - b)
    if found["n"] > found["none_before"]:
        assert found["p"] == mcnemar(b, c)
        assert found["difference"]["value"] == pytest.approx(found["after"] - found["before"])
        assert found["difference"]["n"] == found["n"] - found["none_before"]
    else:
        assert "p" not in found


def test_thoughts_of_a_reasoning_field_and_of_tags_tell_the_same_corrections() -> None:
    cases = [(WRONG, RIGHT), (RIGHT, WRONG), (RIGHT, RIGHT), ("", RIGHT)]
    tagged = [sample(at, raw(*case)) for at, case in enumerate(cases)]
    rebuilt = [
        sample(at, Turn(after, reasoning=f"\n{before}\n<reflection>\nsure?\n</reflection>\n"))
        for at, (before, after) in enumerate(cases)
    ]
    assert told(tagged)["corrections"] == told(rebuilt)["corrections"]


def test_several_answers_to_a_question_are_one_observation_of_the_test() -> None:
    once = [sample(at, raw(WRONG, RIGHT)) for at in range(3)]
    again = [sample(at, raw(WRONG, RIGHT), epoch) for at in range(3) for epoch in range(4)]
    first, second = told(once)["corrections"], told(again)["corrections"]
    assert (first["wrong_to_right"], second["wrong_to_right"]) == (3, 12)
    assert first["p"] == second["p"] == 0.25


def test_of_a_scorer_that_finds_no_stated_answers_corrections_are_not_available() -> None:
    samples = [sample(1, raw(WRONG, RIGHT))]
    for scorer in (None, replace(SCORER, stated=None)):
        assert told(samples, scorer)["corrections"] == "not available"


def test_questions_that_are_not_generated_have_no_catches() -> None:
    assert "catches" not in told([sample(1, raw(WRONG, RIGHT))])


def asked(task: Task, n: int) -> list[Question]:
    assert isinstance(task.rows, Generated)
    return task.read(task.rows.rows(n, 1), ())


def told_of(task: Task, turns: Sequence[tuple[Question, Turn]]) -> dict:
    assert task.scorer is not None
    samples = []
    for question, turn in turns:
        found = Sample(question.id, 0, "", "", (turn,))
        samples.append(replace(found, score=task.scorer.score(question, found.texts)))
    measured = figures({question.id: question for question, _ in turns}, samples, task.scorer)
    assert isinstance(measured, dict)
    return measured


def test_what_reflections_on_puzzles_catch_and_correct() -> None:
    turns = []
    for question in asked(COUNTDOWN, 3):
        puzzle = from_row(question.row["problem"])
        assert isinstance(puzzle, Puzzle)
        right, wrong = (
            next(a for a in attempts(puzzle.numbers) if (a.result == puzzle.target) is is_right)
            for is_right in (True, False)
        )
        caught = f"\n{wrong.line}<reflection>no</reflection>\n{right.line}"
        answer = f"<output>{right.expression}</output>"
        turns.append((question, Turn(f"<thinking>{caught}</thinking>\n{answer}")))
    found = told_of(COUNTDOWN, turns)
    assert found["corrections"]["wrong_to_right"] == found["corrections"]["net"] == 3
    catches = found["catches"]
    assert {name: (catches[name]["k"], catches[name]["n"]) for name in catches} == {
        "caught": (3, 3),
        "false_alarms": (0, 3),
        "repaired": (3, 3),
    }


def test_a_mistake_on_the_way_to_the_answer_of_a_story_is_caught_but_is_no_answer() -> None:
    question = next(q for q in asked(WORD_PROBLEMS, 9) if len(q.row["problem"]["steps"]) > 1)
    story = from_row(question.row["problem"])
    assert isinstance(story, WordProblem)
    doubt = "\n1 + 1 = 3\n<reflection>\nWait\n</reflection>\n"
    turn = Turn(question.gold, reasoning=doubt + "".join(step.line for step in story.steps))
    found = told_of(WORD_PROBLEMS, [(question, turn)])
    assert found["corrections"]["none_before"] == found["corrections"]["n"] == 1
    assert found["catches"]["caught"]["k"] == found["catches"]["repaired"]["k"] == 1


@pytest.mark.parametrize(
    ("scorer", "gold", "thoughts", "flow"),
    [
        (GSM8K, "42", "6 * 7 = 43. So the answer is 43.", "wrong_to_right"),
        (GSM8K, "42", "6 * 7 = 42, #### 42", "right_to_right"),
        (GSM8K, "42", "First, 3 * 7 = 21.", "none_before"),
        (LETTER, "C", "A) is too small. The answer is B.", "wrong_to_right"),
        (LETTER, "C", "The answer is C.", "right_to_right"),
        (LETTER, "C", "The choices are\nA) 1\nB) 2\nC) 3", "none_before"),
    ],
)
def test_a_number_or_letter_on_the_way_is_no_answer_that_a_reflection_could_correct(
    scorer: Scorer, gold: str, thoughts: str, flow: str
) -> None:
    question = Question("1", ("?",), gold)
    turn = Turn(f"The answer is {gold}.", reasoning=f"{thoughts}\n<reflection>hm</reflection>")
    found = Sample("1", 0, "", "", (turn,))
    found = replace(found, score=scorer.score(question, found.texts))
    measured = figures({"1": question}, [found], scorer)
    assert isinstance(measured, dict)
    assert {name: measured["corrections"][name] for name in FLOWS} == dict.fromkeys(FLOWS, 0) | {
        flow: 1
    }
