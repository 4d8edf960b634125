"""The answers of GSM8K: a number, where the reply says so (strict), or its last one (flexible)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer
from eval.scorers import compat
from eval.scorers.number_reader import equal, last_number, numbers, read_number, without_currency
from eval.scorers.plain_text import plain_text

FORM = re.compile(
    r"""
    (?=[#\\aA]|^)(?:  # first: nearly every character ends here
    (?P<hashes>(?<!\#)\#{4}(?!\#))
  | (?P<boxed>\\(?:boxed|fbox)\s?\{)
  | (?P<answer>
        \banswers?\b['"*_]{0,3}
        (?:\s?\([^()\n]{0,40}\))?                            # (in dollars)
        (?:\s(?:to|in|for|of)\s[^\n.:=]{0,60}?)?             # to the question
        [ \t'"*_]{0,3}
        (?:\b(?:is|are|was|(?:would|should|must)\sbe)\b(?!\s+not\b)|[:=])
    )
  | (?P<heading>^[^\w\n]{0,8}(?:final\s)?answer[^\w\n]{0,8}$)
  | (?P<line>^[ \t]{0,8}(?-i:A):)
    )""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
END_OF_SENTENCE = re.compile(r"[.!?;](?=\s|\Z)")
ASIDE = re.compile(r"\([^()]*(?:\)|\Z)")
NUMBERED = re.compile(r"[.)]\s+[A-Za-z]")


LAST = "last number"


def score(question: Question, texts: Sequence[str]) -> Score:
    """Compare the reply's number with the gold; `value` is flexible, details have strict."""
    gold = read_number(str(question.gold))
    answer, rule = answer_number(texts[-1])
    is_right = answer is not None and gold is not None and equal(answer, gold)
    return Score(
        value=float(is_right),
        extracted=None if answer is None else str(answer),
        rule=rule,
        compat=compat.verdict("gsm8k_cot_llama", texts[-1], str(question.gold)),
        details={"strict": float(is_right and rule != LAST)},
        flags=() if rule else (UNANSWERED,),
    )


def stated(_: Question, thoughts: str) -> str | None:
    """Return the answer that thoughts say they have come to; a number on the way is none."""
    found = _stated(without_currency(plain_text(thoughts)))
    return str(found[0]) if found else None


def answer_number(text: str) -> tuple[Fraction | None, str]:
    """Return the answer and the rule that found it; LAST is the flexible one."""
    plain = without_currency(plain_text(text))
    found = _stated(plain)
    if found is not None:
        return found
    last = last_number(plain)
    return (None, "") if last is None else (last, LAST)


def _stated(text: str) -> tuple[Fraction, str] | None:
    """Return the number of the last form that has one; each form reaches to the next."""
    limit = len(text)
    for form in reversed(list(FORM.finditer(text))):
        rule = form.lastgroup or ""
        value = _read(rule, text[form.end() : limit])
        if value is not None:
            return value, rule
        limit = form.start()
    return None


def _read(rule: str, rest: str) -> Fraction | None:
    if rule == "hashes":
        return _after_hashes(rest)
    if rule == "boxed":
        return _in_sentence(rest.partition("}")[0])
    lines = (line for line in rest.split("\n") if re.search(r"\w", line))
    return _in_sentence(next(lines, ""))


def _after_hashes(rest: str) -> Fraction | None:
    """Read `#### N`; a heading of Markdown, in words or numbered, is no answer."""
    line = rest.partition("\n")[0]
    number = next(numbers(line), None)
    if number is None or re.search(r"\w", line[: number.start]):
        return None
    return None if NUMBERED.match(line, number.end) else _in_sentence(line)


def _in_sentence(line: str) -> Fraction | None:
    """Return the first number; of an equation, the last one after its last `=`.

    What follows the number's sentence, or stands in brackets after it, is not part of the answer.
    """
    first = next(numbers(line), None)
    if first is None:
        return None
    end = END_OF_SENTENCE.search(line, first.end)
    sentence = line[: end.start() if end else len(line)]
    if "=" not in sentence:
        return first.value
    without_asides = sentence[: first.end] + ASIDE.sub(" ", sentence[first.end :])
    for equation in (without_asides, sentence):
        sides = list(numbers(equation.rpartition("=")[2]))
        if sides:
            return sides[-1].value
    return first.value


GSM8K = Scorer("gsm8k", 1, score, stated=stated)
