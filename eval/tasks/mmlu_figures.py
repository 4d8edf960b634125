"""What MMLU reports: macro and micro means, its four groups and its subjects, with errors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from estimates.clusters import group_error
from estimates.means import around, interval, mean, standard_error
from estimates.proportions import Interval
from eval.question import Question
from eval.sample import Sample
from eval.tasks.mmlu_subjects import GROUP_OF, GROUPS

Values = Sequence[float]


def figures(questions: Mapping[str, Question], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return means with intervals; several answers to a question count as their mean.

    micro, groups: by size, with the error sqrt(sum n_i^2 se_i^2) / n over subjects; macro: the
    mean of the subjects' means. With a subject of one question, whose error is not known, the
    interval of micro and groups is that of independent questions, and macro has none.
    """
    subjects = _by_subject(questions, samples)
    groups = {
        group: [values for name, values in subjects.items() if GROUP_OF.get(name) == group]
        for group in GROUPS
    }
    return {
        "macro": _macro(subjects.values()).to_dict(),
        "micro": _micro(subjects.values()).to_dict(),
        "groups": {name: _micro(those).to_dict() for name, those in groups.items() if those},
        "subjects": {name: interval(values).to_dict() for name, values in subjects.items()},
    }


def _by_subject(
    questions: Mapping[str, Question], samples: Sequence[Sample]
) -> dict[str, list[float]]:
    answers: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        answers[sample.id].append(sample.value)
    subjects: dict[str, list[float]] = defaultdict(list)
    for id, values in answers.items():
        subjects[questions[id].group].append(mean(values))
    return dict(sorted(subjects.items()))


def _micro(subjects: Iterable[Values]) -> Interval:
    those = list(subjects)
    everything = [value for values in those for value in values]
    error = group_error((len(values), standard_error(values)) for values in those)
    if math.isinf(error):
        return interval(everything)
    return around(mean(everything), error, len(everything))


def _macro(subjects: Iterable[Values]) -> Interval:
    those = list(subjects)
    error = group_error((1, standard_error(values)) for values in those)
    return around(mean([mean(values) for values in those]), error, sum(map(len, those)))
