"""Question: something to ask the student whose right answer is known."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from problems.countdown import Attempt, Puzzle, attempts
from problems.expression import evaluate
from problems.families import FAMILIES, draw
from problems.split import Split
from problems.word_problems import WordProblem
from train.building.words import words_of
from train.errors import DataError
from train.json_lines import json_lines, opened

# Thousands may be in groups; a sign behind a word or a number is a dash.
NUMBER = re.compile(
    r"(?:(?<![\w)\]}%.^-])(?P<sign>[-+−–])[$€£]?)?(?<![^\W_])"
    r"(?P<over>(?:\d{1,3}(?:[,' _]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?: ?/ ?(?P<under>[1-9]\d*))?"
)
UNREAD = re.compile(r"\\[dt]?frac|\^|\d[eE]\d|hundred|thousand|illion")  # numbers in other forms
# The words "A" and "I" are no letters of choices.
LETTER = re.compile(r"(?<![\w'])(?:[AI](?! [a-z])|[B-HJ-Z])(?![\w']|[.,]\d)")
LETTER_KEY = re.compile(r"\(?([A-Z])[).]?")
EXPRESSION = re.compile(r"[\d\s()+*-]+(=\s*-?\d+\s*)?")
CALCULATOR = re.compile(r"<<.*?>>")  # GSM8K's notes to its calculator
FINAL = "####"
MAX_QUOTED = 80  # characters of a wrong answer that an objection repeats

T = TypeVar("T")


class Verdict(StrEnum):
    """What an answer is held to be; UNDECIDED: it may be either, and is taught as neither."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the student answered. thoughts: what it wrote before, "" where that is not known."""

    thoughts: str
    text: str


class Question(Protocol):
    """What is asked, and what is known of the answer; immutable."""

    @property
    def prompt(self) -> str:
        """The user's turn."""

    @property
    def solution(self) -> str:
        """How the right answer comes about, as lines of thinking; "" where that is not known."""

    @property
    def answer(self) -> str:
        """The answer that the solution comes to."""

    def verdict(self, answer: str) -> Verdict:
        """Judge the student's answer; where its form leaves a doubt it is UNDECIDED."""

    def objection(self, given: Answer) -> str:
        """Say what is wrong with a wrong answer."""


@dataclass(frozen=True, slots=True)
class PuzzleQuestion:
    """A countdown puzzle."""

    puzzle: Puzzle

    @property
    def prompt(self) -> str:
        """The puzzle's own."""
        return self.puzzle.prompt

    @property
    def solution(self) -> str:
        """An attempt that reaches the target."""
        return self._right_attempt.line.strip()

    @property
    def answer(self) -> str:
        """The same attempt as an expression."""
        return self._right_attempt.expression

    @property
    def _right_attempt(self) -> Attempt:
        every = attempts(self.puzzle.numbers)
        right = [attempt for attempt in every if attempt.result == self.puzzle.target]
        return random.Random(self.prompt).choice(right)

    def verdict(self, answer: str) -> Verdict:
        """By the puzzle's own check; words around what may be an expression leave a doubt."""
        if self.puzzle.is_right(answer):
            return Verdict.RIGHT
        is_plain = EXPRESSION.fullmatch(answer.strip()) or not NUMBER.search(answer)
        return Verdict.WRONG if is_plain else Verdict.UNDECIDED

    def objection(self, given: Answer) -> str:
        """Evaluate the expression, which anybody can."""
        expression, equals, claimed = given.text.partition("=")
        expression = expression.strip()
        value = evaluate(expression)
        if value is None:
            return "that is no expression of the numbers"
        if value != self.puzzle.target:
            return f"{expression} is {value}, not {self.puzzle.target}"
        if equals and claimed.strip() != self.puzzle.gold:
            return f"{expression} is {value}"
        numbers = ", ".join(map(str, self.puzzle.numbers))
        return f"each of {numbers} has to be used once"


@dataclass(frozen=True, slots=True)
class WordQuestion:
    """A word problem."""

    problem: WordProblem

    @property
    def prompt(self) -> str:
        """The problem's own."""
        return self.problem.prompt

    @property
    def solution(self) -> str:
        """The steps as lines."""
        return "".join(step.line for step in self.problem.steps).strip()

    @property
    def answer(self) -> str:
        """The number asked for."""
        return self.problem.gold

    def verdict(self, answer: str) -> Verdict:
        """By its last number."""
        return _judge_numbers(answer, Decimal(self.problem.answer))

    def objection(self, given: Answer) -> str:
        """Name the first step that the thoughts lack."""
        lines = iter([line.strip() for line in given.thoughts.splitlines()])
        for number, step in enumerate(self.problem.steps, 1):
            if step.line.strip() not in lines:
                return f"step {number} is {step.before} {step.sign} {step.operand}"
        return f"the steps come to {self.problem.answer}"


@dataclass(frozen=True, slots=True)
class KeyedQuestion:
    """A question of a file with its key."""

    prompt: str
    answer: str
    solution: str = ""

    def verdict(self, answer: str) -> Verdict:
        """Right is what equals the key, or whose last line does, or its last number or letter.

        Words of the key in another answer, or of the answer in the key, leave a doubt.
        """
        last_line = answer.strip().rpartition("\n")[2]
        if _plain(self.answer) in (_plain(answer), _plain(last_line)):
            return Verdict.RIGHT
        if letter := LETTER_KEY.fullmatch(self.answer):
            return _judge_letters(answer, letter[1])
        if (wanted := _number(self.answer)) is not None:
            return _judge_numbers(answer, wanted)
        key, said = set(words_of(self.answer)), set(words_of(answer))
        return Verdict.UNDECIDED if key <= said or said <= key else Verdict.WRONG

    def objection(self, given: Answer) -> str:
        """Say no more than that it is wrong: the key does not tell why."""
        said = given.text.strip().rpartition("\n")[2][:MAX_QUOTED].strip(" .")
        return f"{said or 'that'} is not the answer"


def read_questions(name: str, num: int, seed: int) -> list[Question]:
    """Return the first `num` questions of a family that training may draw, or of a file."""
    if name in FAMILIES:
        found: list[Question] = []
        for problem in draw(name, Split.TRAIN, num, seed):
            if isinstance(problem, Puzzle):
                found.append(PuzzleQuestion(problem))
            elif isinstance(problem, WordProblem):
                found.append(WordQuestion(problem))
        return found
    if not Path(name).is_file():
        families = " or ".join(map(repr, FAMILIES))
        raise DataError(f"build.attempts.questions = {name!r} is neither a file nor {families}")
    return list(islice(_read_file(Path(name)), num))


def _read_file(file: Path) -> Iterator[KeyedQuestion]:
    with opened(file, "build.attempts.questions") as lines:
        for number, row in json_lines(lines, file):
            try:
                prompt, answer = str(row["question"]).strip(), str(row["answer"])
                solution, is_split, key = answer.rpartition(FINAL)
                solution = solution if is_split else str(row.get("solution", ""))
                f"{prompt}{answer}{solution}".encode()
            except UnicodeEncodeError as error:
                raise DataError(f"{file}, line {number}: half a surrogate pair") from error
            except (LookupError, TypeError, AttributeError) as error:
                raise DataError(
                    f"{file}, line {number}: an object with question and answer was expected"
                ) from error
            yield KeyedQuestion(prompt, key.strip(), CALCULATOR.sub("", solution).strip())


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .")


def _judge_letters(answer: str, wanted: str) -> Verdict:
    return _judge(LETTER.findall(answer), wanted, wanted in re.split(r"\W+", answer))


def _judge_numbers(answer: str, wanted: Decimal) -> Verdict:
    said = [_value(found) for found in NUMBER.finditer(answer)]
    return _judge(said, wanted, wanted in said or bool(UNREAD.search(answer)))


def _judge(said: Sequence[T], wanted: T, is_doubtful: bool) -> Verdict:
    """Judge by the last of what was said; where nothing was, the words may say it."""
    if said and said[-1] == wanted:
        return Verdict.RIGHT
    return Verdict.UNDECIDED if not said or is_doubtful else Verdict.WRONG


def _number(text: str) -> Decimal | None:
    """Return the number that a text is, but for the sign of a unit."""
    found = NUMBER.fullmatch(text.strip().strip("$%€£"))
    return None if found is None else _value(found)


def _value(found: re.Match[str]) -> Decimal:
    sign, over, under = found.group("sign", "over", "under")
    value = Decimal(re.sub("[,' _]", "", over))
    value = value / Decimal(under) if under else value
    return -value if sign and sign != "+" else value
