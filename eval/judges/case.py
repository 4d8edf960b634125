"""Case: the answers of one sample beside the other side's, and its score by the verdicts filed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from client.turn import Turn
from eval.judges.judge import Judge
from eval.judges.judging import Conversation, Judging
from eval.judges.verdict import Grades
from eval.judges.verdicts import Verdicts
from eval.question import Question
from eval.sample import Sample
from eval.score import Score

Opponents = Mapping[tuple[str, int], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """What one judge decides about one sample; its score is a pure function of the verdicts.

    conversations: what is put to the judge, one a verdict
    """

    judging: Judging
    judge: Judge
    question: Question
    sample: Sample
    opponents: tuple[str, ...]
    conversations: tuple[Conversation, ...]

    @classmethod
    def of(
        cls,
        judging: Judging,
        judge: Judge,
        question: Question,
        sample: Sample,
        opponents: tuple[str, ...],
    ) -> Self:
        """Write down what is asked: nothing about a sample without a reply."""
        asked: list[Conversation] = []
        if not sample.failure:
            asked = judging.conversations(question, sample.texts, opponents, judge.as_json)
        return cls(judging, judge, question, sample, opponents, tuple(asked))

    def key(self, conversation: Conversation) -> str:
        """Return the key under which its verdict is filed."""
        return self.judge.key(conversation, self.judging.form)

    def reminded(self, conversation: Conversation, reply: Turn) -> Conversation:
        """Return the conversation that follows a reply that could not be read."""
        return self.judging.reminder(conversation, reply.content, self.judge.as_json)

    def replies(self, conversation: Conversation, verdicts: Verdicts) -> Iterator[Turn]:
        """Yield what is filed: the reply, and the one to the reminder if it could not be read."""
        reply = verdicts.reply(self.key(conversation))
        if reply is None:
            return
        yield reply
        if not self.judging.is_readable(reply.content):
            second = verdicts.reply(self.key(self.reminded(conversation, reply)))
            if second is not None:
                yield second

    def grades(self, conversation: Conversation, verdicts: Verdicts) -> Grades | None:
        """Return the grades of one verdict, by its last reply; None without a readable one."""
        grades = None
        for reply in self.replies(conversation, verdicts):
            grades = self.judging.form.read(reply.content)
        return grades

    def score(self, verdicts: Verdicts) -> Score | None:
        """Score by what is filed; None for a sample without a reply, which counts as wrong."""
        if self.sample.failure:
            return None
        grades = [self.grades(conversation, verdicts) for conversation in self.conversations]
        return self.judging.score(self.question, self.sample.texts, self.opponents, grades)
