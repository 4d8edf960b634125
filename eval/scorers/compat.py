"""What lm-eval's own filter would say of a reply, by the rules in its installed task files.

Its Llama tasks, whose figures are published. Only the first filter of a task counts: the strict
one. `None` where lm-eval is not installed.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eval.scorers.lm_eval_files import task_config

NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Filter:
    """How lm-eval turns a reply into an answer, and compares it with the gold one.

    pattern, group: of its regex step, None without one; the last match is group -1
    prefix: what it lets the reply begin with. A chat endpoint cannot be made to, and says it by
        itself, after reasons perhaps: what follows the last one is what lm-eval would have got
    stops: where the reply ends at the latest
    ignored, is_case_ignored, is_punctuation_ignored: of its exact match
    """

    pattern: re.Pattern[str] | None
    group: int
    fallback: str
    prefix: str
    stops: tuple[str, ...]
    ignored: tuple[re.Pattern[str], ...]
    is_case_ignored: bool
    is_punctuation_ignored: bool

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Filter | None:
        """Read it from a task's file; None for steps that are not known here."""
        steps = [dict(step) for step in config["filter_list"][0]["filter"]]
        names = [step["function"] for step in steps]
        if names not in (["regex", "take_first"], ["remove_whitespace", "take_first"]):
            return None
        metric = config["metric_list"][0]
        pattern = steps[0].get("regex_pattern")
        return cls(
            pattern=None if pattern is None else re.compile(pattern),
            group=steps[0].get("group_select", 0),
            fallback=steps[0].get("fallback", "[invalid]"),
            prefix=config.get("gen_prefix", ""),
            stops=tuple(config.get("generation_kwargs", {}).get("until", ())),
            ignored=tuple(map(re.compile, metric.get("regexes_to_ignore", ()))),
            is_case_ignored=metric.get("ignore_case", False),
            is_punctuation_ignored=metric.get("ignore_punctuation", False),
        )

    def answer(self, text: str) -> str:
        """Return what the filter leaves of a reply."""
        if self.prefix:
            text = text.rpartition(self.prefix)[2]
        for stop in self.stops:
            text = text.partition(stop)[0]
        return text.strip() if self.pattern is None else self._matched(self.pattern, text)

    def _matched(self, pattern: re.Pattern[str], text: str) -> str:
        matches = pattern.findall(text)
        if not matches:
            return self.fallback
        found = matches[self.group]
        parts = [found] if isinstance(found, str) else [part for part in found if part]
        return str(parts[0]).strip() if parts else self.fallback

    def canonical(self, answer: str) -> str:
        """Return what is compared of an answer, the gold one too."""
        for pattern in self.ignored:
            answer = pattern.sub("", answer)
        if self.is_case_ignored:
            answer = answer.lower()
        return answer.translate(NO_PUNCTUATION) if self.is_punctuation_ignored else answer


def verdict(task: str, text: str, gold: str) -> float | None:
    """Return 1 or 0 as lm-eval's task would; None where it is not installed."""
    rule = _filter(task)
    if rule is None:
        return None
    return float(rule.canonical(rule.answer(text)) == rule.canonical(gold))


@lru_cache
def _filter(task: str) -> Filter | None:
    config = task_config(task)
    return None if config is None else Filter.of(config)
