from pathlib import Path

from client.turn import Failure, Turn
from eval.judges.case import Case
from eval.judges.judge import Judge
from eval.judges.pairwise import PAIRWISE
from eval.judges.verdicts import Verdicts
from eval.question import Question
from eval.sample import Sample

QUESTION = Question("q", ("2 + 2?",), None)
ANSWERED = Sample("q", 0, "", "", (Turn("<thinking>5?</thinking>4"),))


def case(sample: Sample) -> Case:
    return Case.of(PAIRWISE, Judge("judge"), QUESTION, sample, ("5",))


def test_the_judge_never_sees_thoughts() -> None:
    for conversation in case(ANSWERED).conversations:
        assert "5?" not in conversation[1]["content"]


def test_a_sample_without_a_reply_is_not_judged(tmp_path: Path) -> None:
    failed = case(Sample("q", 0, "", "", failure=Failure("refused", 400)))
    assert failed.conversations == ()
    assert failed.score(Verdicts(tmp_path)) is None


def test_the_reply_to_the_reminder_counts_where_the_first_cannot_be_read(tmp_path: Path) -> None:
    judged = case(ANSWERED)
    with Verdicts(tmp_path) as verdicts:
        for conversation in judged.conversations:
            assert judged.grades(conversation, verdicts) is None
            vague = Turn("Both are fine.")
            verdicts.record(judged.key(conversation), {}, vague)
            assert judged.grades(conversation, verdicts) is None
            reminded = judged.reminded(conversation, vague)
            verdicts.record(judged.key(reminded), {}, Turn("Scores: A=7 B=7"))
            assert judged.grades(conversation, verdicts) == (7, 7)
            assert len(list(judged.replies(conversation, verdicts))) == 2
    score = judged.score(verdicts)
    assert score is not None
    assert score.extracted == "tie"
