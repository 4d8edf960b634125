r"""MATH: the last \boxed{} of a reply, equal to the gold as text, as number or by math-verify."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer
from eval.scorers.latex import canonical, is_exact, is_literal, last_box, plain

ASSIGNMENT = re.compile(r"\s*[a-zA-Z]\s*=(?!.*=)")
MAX_SYMBOLIC_CHARS = 1_000  # a longer answer is compared as text alone; the longest gold has 81
MAX_SEARCHED_CHARS = 2_000  # without a box, the answer is looked for in the end of the reply


def score(question: Question, texts: Sequence[str]) -> Score:
    r"""Score the last box; without one, what math-verify finds in the end of the reply.

    Texts are compared first, then numbers as exact fractions, then `verify(gold, answer)`. Words
    and numerals of another base are compared as text alone.

    `extracted` is the canonical text; of a right answer, the gold's, in whatever form it came: so
    right answers are one text for a majority, and wrong ones as far as text and fractions tell.
    """
    gold = str(question.gold)
    text = texts[-1] if texts else ""
    box = last_box(text)
    if box is not None:
        return _judged(gold, box, "boxed", _are_equal(gold, box))
    found = _parse(text[-MAX_SEARCHED_CHARS:])
    if not found:
        return Score(0, flags=(UNANSWERED,))
    answer = next((part for part in found if isinstance(part, str)), str(found[0]))
    is_right = canonical(gold) == canonical(answer)
    is_right = is_right or (not is_literal(gold) and _verify(_parse_box(gold), found))
    return _judged(gold, answer, "math-verify", is_right)


def stated(_: Question, thoughts: str) -> str | None:
    """Return the last box of the thoughts; an expression on the way is no answer."""
    box = last_box(thoughts)
    return None if box is None else rf"\boxed{{{box}}}"


def prepare(data: Path | None) -> None:  # noqa: ARG001 - it needs none
    """Import math-verify and let its parser build its tables."""
    try:
        import math_verify
    except ImportError as error:
        raise EvalError("MATH is scored with math-verify: install the extra `eval`.") from error
    logging.getLogger(math_verify.__name__).setLevel(logging.ERROR)  # that no signal limits it
    _verify(_parse_box(r"\frac{1}{2}x"), _parse_box("0.5x"))


def _judged(gold: str, answer: str, rule: str, is_right: bool) -> Score:
    extracted = canonical(gold if is_right else ASSIGNMENT.sub("", answer))[:MAX_SYMBOLIC_CHARS]
    return Score(float(is_right), extracted, rule, details={"answer": answer[:200]})


def _are_equal(gold: str, answer: str) -> bool:
    if canonical(gold) == canonical(answer):
        return True
    if is_literal(gold) or (is_exact(gold) and is_exact(answer)):
        return False
    if len(answer) > MAX_SYMBOLIC_CHARS:
        return False
    return _verify(_parse_box(gold), _parse_box(answer))


def _parse(text: str) -> list[Any]:
    from math_verify import parse

    return list(parse(text, parsing_timeout=None))


def _parse_box(answer: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    box = rf"\boxed{{{plain(answer)}}}"
    return list(parse(box, [LatexExtractionConfig(boxed_match_priority=0)], parsing_timeout=None))


def _verify(gold: list[Any], answer: list[Any]) -> bool:
    """Ask math-verify, without its time-outs, which are signals: the worker process has its own."""
    from math_verify import verify
    from sympy.core.random import seed

    seed(0)  # SymPy tries random numbers where it cannot decide
    return bool(verify(gold, answer, timeout_seconds=None))


COMPETITION_MATH = Scorer(
    "competition_math",
    1,
    score,
    limit_s=5.0,
    packages=("math-verify", "latex2sympy2_extended", "sympy"),
    prepare=prepare,
    stated=stated,
)
