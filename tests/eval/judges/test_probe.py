from dataclasses import replace
from pathlib import Path

from client.turn import Failure, Turn
from eval.judges.case import Case
from eval.judges.judge import Judge
from eval.judges.pairwise import PAIRWISE
from eval.judges.probe import CONSTANT, outcome, probes
from eval.judges.verdict import PAIR, RATING
from eval.judges.verdicts import Verdicts
from eval.question import Question
from eval.sample import Sample


def cases(num: int) -> list[Case]:
    samples = [Sample(f"q{i}", 0, "", "", (Turn("4"),)) for i in range(num)]
    failed = Sample("q", 0, "", "", failure=Failure("refused", 400))
    return [
        Case.of(PAIRWISE, Judge("j"), Question(one.id, (f"{one.id}?",), None), one, ("5",))
        for one in (*samples, failed)
    ]


def test_the_constant_stands_where_the_answer_stood() -> None:
    (probe,) = probes(cases(1), 5)
    assert probe.sample.texts == [CONSTANT]
    assert "A| Scores: A=10 B=10" in probe.conversations[0][1]["content"]


def test_the_same_questions_are_probed_and_more_of_them_where_more_are_wanted() -> None:
    few, many = ([one.sample.id for one in probes(cases(30), n)] for n in (5, 10))
    assert len(few) == 5
    assert many[:5] == few
    assert probes(cases(30), 0) == []


def test_a_question_that_was_answered_twice_is_probed_once() -> None:
    first = cases(1)[0]
    again = replace(first, sample=replace(first.sample, epoch=1))
    assert len(probes([first, again], 5)) == 1


def test_nothing_is_said_of_a_judge_that_was_not_probed(tmp_path: Path) -> None:
    assert outcome([], Verdicts(tmp_path)) is None


def test_a_judge_that_repeats_the_constant_has_not_judged() -> None:
    assert PAIR.read(CONSTANT) is None
    assert RATING.read(CONSTANT) is None
