"""How good the reflections of a reply are: wrong steps flagged, right ones flagged, repairs.

And what it had answered before it reflected for the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from problems.countdown import Puzzle
from problems.problem import Problem
from problems.word_problems import WordProblem

OPEN, CLOSE = "<reflection>", "</reflection>"
STEP = r"([0-9]{1,9}) ([-+*/]) ([0-9]{1,9}) = ([0-9]{1,9})"
ATTEMPT = rf"{STEP}(?:, {STEP})+"


@dataclass(slots=True)
class Reflections:
    """Counts over replies; an attempt is flagged when a reflection follows it directly.

    repaired: of the wrong ones that were flagged, those whose next attempt is right.
    """

    wrong: int = 0
    wrong_flagged: int = 0
    right: int = 0
    right_flagged: int = 0
    repaired: int = 0

    def __iadd__(self, other: Reflections) -> Reflections:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self


def judge(problem: Problem, reply: str) -> Reflections:
    """Count the flags of one reply; of a word problem, up to the first wrong step left standing."""
    marked = list(_attempts(reply))
    if isinstance(problem, Puzzle):
        verdicts = [(_is_right_attempt(problem, line), flagged) for line, flagged in marked]
    elif isinstance(problem, WordProblem):
        verdicts = list(_step_verdicts(problem, marked))
    else:
        raise TypeError(f"no rule for the reflections of a {type(problem).__name__}")
    counts = Reflections()
    for at, (is_right, is_flagged) in enumerate(verdicts):
        if is_right:
            counts.right += 1
            counts.right_flagged += is_flagged
        else:
            counts.wrong += 1
            counts.wrong_flagged += is_flagged
            has_next = at + 1 < len(verdicts)
            counts.repaired += is_flagged and has_next and verdicts[at + 1][0]
    return counts


def stated_answer(problem: Problem, thoughts: str) -> str | None:
    """Return the answer that the thoughts have come to by their first reflection, if any.

    Of a puzzle that is the last attempt; of a word problem the result of the last step, once there
    are as many steps as it needs: what comes before is no answer.
    """
    lines = [line.strip() for line in thoughts.partition(OPEN)[0].split("\n")]
    if isinstance(problem, Puzzle):
        attempts = [line for line in lines if re.fullmatch(ATTEMPT, line)]
        return _expression(attempts[-1]) if attempts else None
    if isinstance(problem, WordProblem):
        steps = [match for line in lines if (match := re.fullmatch(STEP, line))]
        return steps[-1][4] if len(steps) >= len(problem.steps) else None
    raise TypeError(f"no rule for the answers of a {type(problem).__name__}")


def _expression(attempt: str) -> str:
    """Write an attempt as an answer is written; one that does not hang together stays as it is."""
    (a, sign, b, result), *others = re.findall(STEP, attempt)
    written = f"{a} {sign} {b}"
    for before, sign, operand, after in others:
        if before == result:
            written = f"({written}) {sign} {operand}"
        elif operand == result:
            written = f"{before} {sign} ({written})"
        else:
            return attempt
        result = after
    return f"{written} = {result}"


def _attempts(reply: str) -> Iterator[tuple[str, bool]]:
    """Yield each line of thinking and whether a reflection follows it."""
    thinking = reply.split("</thinking>", maxsplit=1)[0].replace("<thinking>", "")
    pieces = list(_pieces(thinking))
    for at, piece in enumerate(pieces):
        lines = [line for line in piece.split("\n") if line.strip()]
        for number, line in enumerate(lines, 1):
            yield line, number == len(lines) and at + 1 < len(pieces)


def _pieces(thinking: str) -> Iterator[str]:
    """Yield what stands before, between and after the finished reflections."""
    start = 0
    while (begin := thinking.find(OPEN, start)) >= 0 and (end := thinking.find(CLOSE, begin)) >= 0:
        yield thinking[start:begin]
        start = end + len(CLOSE)
    yield thinking[start:]


def _step_verdicts(
    problem: WordProblem, marked: list[tuple[str, bool]]
) -> Iterator[tuple[bool, bool]]:
    done = 0
    for line, is_flagged in marked:
        is_right = done < len(problem.steps) and line == problem.steps[done].line.strip()
        yield is_right, is_flagged
        if is_flagged:
            continue
        if not is_right:
            return
        done += 1


def _is_right_attempt(puzzle: Puzzle, line: str) -> bool:
    """Whether the attempt is calculated right and reaches the target with each number once."""
    if not re.fullmatch(ATTEMPT, line):
        return False
    left = list(puzzle.numbers)  # numbers, and the result of the step before, that wait for use
    for number, (before, sign, operand, after) in enumerate(re.findall(STEP, line)):
        uses = [int(before), int(operand)]
        if number and left[-1] not in uses:
            return False
        for used in uses:
            if used not in left:
                return False
            left.remove(used)
        if not _is_exact(before, sign, operand, after):
            return False
        left.append(int(after))
    return left == [puzzle.target]


def _is_exact(before: str, sign: str, operand: str, after: str) -> bool:
    a, b = int(before), int(operand)
    return {"+": a + b, "-": a - b, "*": a * b}.get(sign) == int(after)
