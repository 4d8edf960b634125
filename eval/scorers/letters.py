"""The answer to a question with lettered choices, by rules in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer
from eval.scorers import compat
from eval.scorers.plain_text import plain_text

LETTERS = ("A", "B", "C", "D")

# "Dog", "D'Alembert" and 3.5 are no labels. "A" and "I" before a word in small letters are words
# themselves, unless what follows is a reason.
ALONE = r"(?![A-Za-z0-9']|[.,][0-9])"
REASON = "and|as|based|because|but|due|given|is|not|or|rather|since|which|while"
NO_WORD = rf"(?:(?<![AI])|(?!\ [a-z])|(?=\ (?:{REASON})\b))"

ASKED = r"""
    \b(?i:answers?|choice|option)\b['"*_]{0,3}
    (?:\s?\([^()\n]{0,40}\))?                       # (a letter)
    (?:\s(?:to|for)\s[^\n.:=]{0,60}?)?              # to the question
"""
SAYS = r"""[ \t'"*_]{0,3}(?:\b(?i:is|are|was|(?:would|should|must)\ be)\b:?|:)"""
SURELY = r"(?:\ (?:clearly|hence|indeed|most\ likely|probably|then|therefore|thus),?)?"
OPEN = r"""(?:[ \t(\["'*_$<]|\\boxed\s?\{|<b>|(?i:option)\s){0,8}"""
HEADING = r"^[^\w\n]{0,8}(?i:final\ )?(?i:answer)"
BULLET = r"^[ \t]{0,8}(?:[-+*>][ \t]{1,3})?"
RIGHT = r"is\ (?:the\ )?(?:most\ |only\ )?(?:correct|right|best)\b"

RULES = {
    "answer": rf"{ASKED}{SAYS}{SURELY}{OPEN}LABEL{ALONE}{NO_WORD}",
    "boxed": rf"\\(?:boxed|fbox)\s?\{{[ (]{{0,3}}(?i:LABEL){ALONE}",
    "next line": rf"(?:{ASKED}{SAYS}|{HEADING})[^\w\n(]{{0,8}}\n[^\w(]*+\(?LABEL{ALONE}{NO_WORD}",
    "is correct": rf"(?<![A-Za-z0-9'])LABEL{ALONE}[)\]\"'.]{{0,2}},?\ {RIGHT}",
    "letter": rf"\A\W*+(?:(?i:answer|choice|option)\s)?(?i:LABEL){ALONE}\W*+\Z",
    "line": rf"{BULLET}[(\[]?LABEL{ALONE}(?:[)\]:]|\.(?!\w)|[ \t]*$|[ \t]-\s)",
}
STATEMENTS = ("answer", "boxed", "next line", "is correct")


def answer_label(text: str, labels: Sequence[str]) -> tuple[str | None, str]:
    """Return the label and the name of the rule: the first that finds one, by its last match."""
    plain = plain_text(text)
    for name, pattern in _patterns(tuple(labels)).items():
        found = list(pattern.finditer(plain))
        if found:
            return found[-1]["label"].upper(), name
    return None, ""


@lru_cache
def _patterns(labels: tuple[str, ...]) -> Mapping[str, re.Pattern[str]]:
    label = f"(?P<label>{'|'.join(map(re.escape, labels))})"
    return {
        name: re.compile(rule.replace("LABEL", label), re.MULTILINE | re.VERBOSE)
        for name, rule in RULES.items()
    }


def score(question: Question, texts: Sequence[str]) -> Score:
    """Compare the letter with the gold one; the labels are the row's, else A to D."""
    return _score(question, texts[-1], None)


def score_mmlu(question: Question, texts: Sequence[str]) -> Score:
    """Do the same, with the verdict of lm-eval on an answer with its reasons."""
    return _score(question, texts[-1], "mmlu_cot_llama")


def score_mmlu_5shot(question: Question, texts: Sequence[str]) -> Score:
    """Do the same, with the verdict of lm-eval on a direct letter."""
    return _score(question, texts[-1], "mmlu_llama")


def score_arc(question: Question, texts: Sequence[str]) -> Score:
    """Do the same, with the verdict of lm-eval on ARC."""
    return _score(question, texts[-1], "arc_challenge_llama")


def stated(question: Question, thoughts: str) -> str | None:
    """Return the label that thoughts say is the answer; one on a line of its own is none."""
    label, rule = answer_label(thoughts, question.row.get("labels", LETTERS))
    return label if rule in STATEMENTS else None


def _score(question: Question, text: str, protocol: str | None) -> Score:
    label, rule = answer_label(text, question.row.get("labels", LETTERS))
    return Score(
        value=float(label == question.gold),
        extracted=label,
        rule=rule,
        compat=compat.verdict(protocol, text, question.gold) if protocol else None,
        flags=() if label else (UNANSWERED,),
    )


LETTER = Scorer("letters", 1, score, stated=stated)
MMLU = Scorer("letters", 1, score_mmlu, stated=stated)
MMLU_5SHOT = Scorer("letters", 1, score_mmlu_5shot, stated=stated)
ARC = Scorer("letters", 1, score_arc, stated=stated)
