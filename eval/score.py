"""Score, and Scorer: a rule that turns a scored text into a score, with its name and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.question import Question

UNANSWERED = "unanswered"
SCORER_TIMEOUT, SCORER_ERROR = "scorer_timeout", "scorer_error"


@dataclass(frozen=True, slots=True)
class Score:
    """What one sample is worth; a pure function of the question, the scored texts and the scorer.

    value: 1 right, 0 wrong, or between; the headline ("robust")
    extracted: the answer found, in canonical form (equal answers are equal texts), or None
    rule: which rule found it; "" for none
    compat: the same by lm-eval's own filter; None where there is none, or it is not installed
    details: parts of the score, by name (IFEval's four, a judge's two orders)
    flags: UNANSWERED, SCORER_TIMEOUT, SCORER_ERROR, and what else is worth a filter in the report
    """

    value: float
    extracted: str | None = None
    rule: str = ""
    compat: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


ScoreFunction = Callable[[Question, Sequence[str]], Score]
Prepare = Callable[[Path | None], None]
FindStated = Callable[[Question, str], str | None]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A rule with a name and a version: a change of what it returns is a new version.

    score: a function of a module (it is sent to worker processes by name) of the question and the
        scored text of each turn; it raises for nothing that a model may write
    limit_s: the seconds of CPU one score may take, in a worker process; None: it is instant, and
        done in place. A score that takes longer is wrong, with the flag SCORER_TIMEOUT
    packages: distributions whose versions the score depends on
    prepare: done once where it runs, before the first score and outside its limit: slow imports,
        given the data folder; raises EvalError where something is missing
    stated: finds the answer that thoughts have come to, as a text that `score` reads; None where
        they name none. A number or letter on the way is no answer. Of a scorer without it, it is
        not told what reflections correct
    """

    name: str
    version: int
    score: ScoreFunction
    limit_s: float | None = None
    packages: tuple[str, ...] = ()
    prepare: Prepare | None = None
    stated: FindStated | None = None
