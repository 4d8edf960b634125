"""Generated problems, the demo model's own kinds: an evaluation without any data.

The same problems on which `models/demo/README.md` gives its figures: those of its own seed, none
of which training can draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from eval.dataset import Row
from eval.question import Question
from eval.scorers.exact_problem import EXACT_PROBLEM
from eval.task import Generated, Shots, Task
from problems import families
from problems.split import Split

N = 1000
NOTE = "The answer is checked whole: the {form} and not a word more."


def rows(family: str, split: Split, n: int, seed: int) -> list[Row]:
    """Draw n problems; those for a smaller n are their beginning."""
    problems = families.draw(family, split, n, seed)
    return [
        {"id": f"{split}-{seed}-{at}", "gold": problem.gold, **families.to_row(family, problem)}
        for at, problem in enumerate(problems)
    ]


def read(rows: Sequence[Row], _: Shots) -> list[Question]:
    """Ask each problem as it stands; the question carries what the checker needs."""
    return [_question(row) for row in rows]


def _question(row: Row) -> Question:
    problem = {name: value for name, value in row.items() if name not in ("id", "gold")}
    return Question(
        id=row["id"],
        turns=(row["prompt"],),
        gold=row["gold"],
        cluster=families.from_row(row).core,
        row={"problem": problem},
    )


def _task(name: str, about: str, family: str, split: Split, form: str) -> Task:
    return Task(
        name=name,
        about=about,
        rows=Generated(partial(rows, family, split), N, families.EVALUATION_SEED),
        read=read,
        scorer=EXACT_PROBLEM,
        temperature=None,
        note=NOTE.format(form=form),
    )


_word_problems = partial(_task, family=families.WORD_PROBLEMS, form="number")
_countdown = partial(_task, family=families.COUNTDOWN, form="expression, `= target` or not,")

WORD_PROBLEMS = _word_problems(
    "word_problems",
    "stories of one to four calculations; generated, no data needed",
    split=Split.FRESH,
)
WORD_PROBLEMS_NEW_SENTENCES = _word_problems(
    "word_problems_new_sentences",
    "the same with sentences and names that the demo model's training never uses",
    split=Split.TEMPLATES,
)
WORD_PROBLEMS_NEW_NUMBERS = _word_problems(
    "word_problems_new_numbers",
    "the same with numbers that the demo model's training never uses",
    split=Split.NUMBERS,
)
COUNTDOWN = _countdown(
    "countdown",
    "reach a target with three numbers, each used once; generated, no data needed",
    split=Split.FRESH,
)
COUNTDOWN_NEW_SENTENCES = _countdown(
    "countdown_new_sentences",
    "the same, asked in sentences that the demo model's training never uses",
    split=Split.TEMPLATES,
)
