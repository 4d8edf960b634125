"""What a pairwise task reports: wins, by set, how often order decides, which place is preferred."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from estimates.means import mean, normal, standard_error
from estimates.proportions import wilson
from eval.judges.judging import JUDGE_ERROR
from eval.judges.pairwise import LOSE, TIE, WIN
from eval.question import Question
from eval.sample import Sample


def match_figures(_: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the figures of `pairwise`, in all and by set."""
    sets = _by_group(samples)
    return {
        **_outcomes(samples),
        **_order(samples),
        "mean_chars": _mean_chars(samples),
        "sets": {name: _set(ones) for name, ones in sets.items()},
    }


def preference_figures(
    questions: Mapping[str, Question], samples: Sequence[Sample]
) -> dict[str, Any]:
    """Return the figures of AlpacaEval's mode: the win rate is the mean of p - 1."""
    values = [sample.value for sample in samples]
    return {
        "win_rate": mean(values),
        "standard_error": standard_error(values),
        "preference": 1 + mean(values),
        **match_figures(questions, samples),
    }


def outcome(sample: Sample) -> str:
    """Return WIN, TIE or LOSE; what was not answered or not decided is lost."""
    return (sample.score.extracted if sample.score else None) or LOSE


def _outcomes(samples: Sequence[Sample]) -> dict[str, int]:
    counted = Counter(outcome(sample) for sample in samples)
    flags = Counter(flag for sample in samples if sample.score for flag in sample.score.flags)
    return {
        "n": len(samples),
        WIN: counted[WIN],
        TIE: counted[TIE],
        LOSE: counted[LOSE],
        JUDGE_ERROR: flags[JUDGE_ERROR],
        "no_answer": sum(not _details(sample).get("grades") for sample in samples),
    }


def _order(samples: Iterable[Sample]) -> dict[str, Any]:
    """Return how often the two orders disagree, and which place won, of pairs with both verdicts.

    A pair flips where its two orders do not say the same of it, a tie being one thing to say.
    """
    signs = [found for sample in samples if (found := _details(sample).get("signs"))]
    places = Counter(place for first, second in signs for place in (first, -second))
    flips = sum(first != second for first, second in signs)
    return {
        "flip_rate": {"k": flips, **wilson(flips, len(signs)).to_dict()},
        "position": {"first": places[1], "second": places[-1], "neither": places[0]},
    }


def _set(samples: Sequence[Sample]) -> dict[str, Any]:
    values = [sample.value for sample in samples]
    return {**_outcomes(samples), **normal(values).to_dict()}


def _mean_chars(samples: Iterable[Sample]) -> dict[str, float]:
    """Return the mean lengths of both sides: a judge that likes length shows here."""
    pairs = [chars for sample in samples if (chars := _details(sample).get("chars"))]
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    return {"ours": mean(ours), "theirs": mean(theirs)}


def _details(sample: Sample) -> dict[str, Any]:
    return dict(sample.score.details) if sample.score else {}


def _by_group(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group].append(sample)
    return groups
