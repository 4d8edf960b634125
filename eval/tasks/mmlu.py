"""MMLU: 14,042 questions of 57 subjects, with four choices; with reasons, or the letter at once.

D. Hendrycks et al., "Measuring Massive Multitask Language Understanding", 2021, arXiv:2009.03300;
subjects and their groups as in its repository, github.com/hendrycks/test (categories.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from client.turn import Message
from eval.dataset import Hub, Row, Source, json_lines
from eval.question import Question
from eval.scorers import letters
from eval.task import Shots, Task
from eval.tasks.lettered import DIRECT, REASONED, example, lettered
from eval.tasks.mmlu_figures import figures
from eval.tasks.mmlu_subjects import FIRST_ROW, NUM_EXAMPLES

COLUMNS = ("id", "subject", "question", "choices", "answer")


def read(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Return questions to be answered with reasons; examples have none to show."""
    return _questions(rows, shots, REASONED, "The best answer is {}.")


def read_direct(rows: Sequence[Row], shots: Shots) -> list[Question]:
    """Return questions to be answered by a letter, after examples of the same subject."""
    return _questions(rows, shots, DIRECT, "{}")


def _questions(rows: Sequence[Row], shots: Shots, ask: str, reply: str) -> list[Question]:
    context = _context(shots, ask, reply)
    return [
        Question(
            id=row["id"],
            turns=(_asked(row, ask),),
            gold=row["answer"],
            group=row["subject"],
            context=context.get(row["subject"], ()),
            row={"labels": letters.LETTERS, "choices": row["choices"]},
        )
        for row in rows
    ]


def _context(shots: Shots, ask: str, reply: str) -> Mapping[str, tuple[Message, ...]]:
    examples: dict[str, list[Iterable[Message]]] = defaultdict(list)
    for row in shots:
        answered = example(_asked(row, ask), reply.format(row["answer"]))
        examples[row["subject"]].append(answered)
    return {subject: tuple(chain.from_iterable(those)) for subject, those in examples.items()}


def _asked(row: Row, ask: str) -> str:
    subject = row["subject"].replace("_", " ")
    question = f"A question about {subject}:\n\n{row['question'].strip()}"
    return lettered(question, row["choices"], letters.LETTERS, ask)


def converter(split: str) -> Callable[[Row, int], Row]:
    """Return what turns a row of the hub, where subjects follow one another, into the file's."""

    def convert(row: Row, number: int) -> Row:
        subject = row["subject"]
        first = FIRST_ROW.get(subject, 0)
        if split == "dev":
            first = list(FIRST_ROW).index(subject) * NUM_EXAMPLES if subject in FIRST_ROW else 0
        return {
            "id": f"mmlu-{split}-{subject}-{number - first}",
            "subject": subject,
            "question": row["question"],
            "choices": list(row["choices"]),
            "answer": letters.LETTERS[row["answer"]],
        }

    return convert


def _source(split: str) -> Source:
    return Source(
        folder="mmlu",
        files=json_lines(split),
        columns=COLUMNS,
        hub=Hub("cais/mmlu", split, converter(split), "all"),
    )


MMLU = Task(
    name="mmlu",
    about="14,042 questions of 57 subjects, A to D, with reasons",
    rows=_source("test"),
    shots=_source("dev"),
    shots_by="subject",
    read=read,
    scorer=letters.MMLU,
    chance=0.25,
    figures=figures,
    note="macro is the mean of the 57 subjects, micro that of all questions",
)
MMLU_5SHOT = Task(
    name="mmlu_5shot",
    about="the same, the letter at once, after 5 examples of the subject",
    rows=_source("test"),
    shots=_source("dev"),
    shots_by="subject",
    few_shot=5,
    read=read_direct,
    scorer=letters.MMLU_5SHOT,
    chance=0.25,
    figures=figures,
    note="macro is the mean of the 57 subjects, micro that of all questions",
)
