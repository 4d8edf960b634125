"""Judging: what a judge is asked about the answers of a question, and what its verdicts score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from client.turn import Message
from eval.judges.prompt import render
from eval.judges.verdict import Grades, VerdictForm
from eval.question import Question
from eval.score import Score

JUDGE_ERROR = "judge_error"
Conversation = tuple[Message, ...]
Texts = Sequence[str]
ReadGrades = Sequence[Grades | None]


@dataclass(frozen=True, slots=True)
class Judging:
    """How a judge decides over answers; constant. A change of what it returns is a new version.

    form: of every verdict
    ask: question, scored texts, the other side's texts, whether JSON is wanted -> what the user
        says to the judge, once for every verdict that is needed
    score: question, scored texts, the other side's texts, the grades of each verdict (None: could
        not be had or read) -> a score; pure
    is_pairwise: whether there is another side at all
    references: names under which a question's row carries other sides; the first is the default
    unit: what its score is called, and how it is to be read
    """

    name: str
    version: int
    form: VerdictForm
    ask: Callable[[Question, Texts, Texts, bool], list[str]]
    score: Callable[[Question, Texts, Texts, ReadGrades], Score]
    is_pairwise: bool = True
    references: tuple[str, ...] = ()
    unit: str = "mean"

    def conversations(
        self, question: Question, texts: Texts, opponents: Texts, as_json: bool
    ) -> list[Conversation]:
        """Return what is put to the judge, one conversation a verdict."""
        rules = {"role": "system", "content": render("system")}
        asked = self.ask(question, texts, opponents, as_json)
        return [(rules, {"role": "user", "content": text}) for text in asked]

    def reminder(self, conversation: Conversation, reply: str, as_json: bool) -> Conversation:
        """Return the one more try after a reply that could not be read."""
        wanted = self.form.json_example if as_json else f"the line `{self.form.example}`"
        return (
            *conversation,
            {"role": "assistant", "content": reply.strip()[-2000:] or "(no reply)"},
            {"role": "user", "content": render("reminder", form=wanted)},
        )

    def is_readable(self, text: str) -> bool:
        """Whether a judge's reply states its grades in the form it was asked for."""
        return self.form.read(text) is not None


def reference_texts(question: Question, name: str) -> list[str]:
    """Return the answer of the question's row that carries that name."""
    references: Mapping[str, str] = question.row["references"]
    return [references[name]]
