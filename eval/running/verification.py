"""Verification: what a run folder tells that does not follow from the replies it holds.

It finds a folder that was damaged, edited in part, or scored by other code. It is no signature: who
changes replies and everything that follows from them leaves a folder that verifies. Nothing follows
from the replies about the model's name, the settings, the dates, and the judge's own counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eval.measures.summary import summarize
from eval.measures.usage import Prices
from eval.question import Question, sha256_of
from eval.running.digest import digest
from eval.running.provenance import scorer_identity
from eval.running.rescoring import Rescored
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.task import Task

TOLERANCE = 1e-9  # another machine's last digits


def faults(folder: RunFolder, task: Task, found: Rescored) -> Iterator[str]:
    """Yield what differs; nothing where all of it comes out again."""
    manifest, questions = folder.manifest, folder.questions()
    filed, now = digest(found.filed.values()), digest(found.now.values())
    if manifest["digest"] != filed:
        yield f"the samples in the folder are not those of the manifest: their digest is {filed}"
    yield from _changed_questions(manifest, questions, found.filed.values())
    if filed == now:
        fresh = figures(manifest, task, questions, found.filed.values())
        for name in differing({part: manifest.get(part) for part in fresh}, fresh):
            yield f"the manifest's {name} does not follow from the samples, by today's code"
        return
    yield from _changed_scorer(manifest, task)
    yield "the samples are scored otherwise now (`eval rescore` keeps both)"


def figures(
    manifest: Mapping[str, Any],
    task: Task,
    questions: Mapping[str, Question],
    samples: Iterable[Sample],
) -> dict[str, Any]:
    """Return the figures that a manifest of these samples holds, as JSON holds them."""
    cost = manifest.get("cost")
    prices = Prices(**cost["prices_per_million"]) if isinstance(cost, dict) else None
    listed = sorted(samples, key=lambda sample: (sample.epoch, sample.id))
    fresh: dict[str, Any] = json.loads(json.dumps(summarize(task, questions, listed, prices)))
    return fresh


def differing(told: Any, fresh: Any, name: str = "") -> Iterator[str]:
    """Yield the names of the parts that are not the same; what was not told yet is no part."""
    if isinstance(told, dict) and isinstance(fresh, dict):
        for part in told:
            yield from differing(told[part], fresh.get(part), f"{name}.{part}".lstrip("."))
    elif not _is_same(told, fresh):
        yield name


def _is_same(told: Any, fresh: Any) -> bool:
    if isinstance(told, list) and isinstance(fresh, list):
        return len(told) == len(fresh) and all(map(_is_same, told, fresh))
    if isinstance(told, float) and isinstance(fresh, int | float):
        return math.isclose(told, fresh, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(told == fresh)


def _changed_questions(
    manifest: Mapping[str, Any], questions: Mapping[str, Question], samples: Iterable[Sample]
) -> Iterator[str]:
    """Compare the questions with what the manifest and each sample say was asked."""
    protocol, data = manifest.get("protocol", {}), manifest.get("data", {})
    prompts = {id: one.prompt_sha256(protocol.get("system")) for id, one in questions.items()}
    if protocol.get("prompts_sha256") != sha256_of(list(prompts.values())):
        yield "the questions in the folder, or the system prompt, are not those that were asked"
    if data.get("ids_sha256") != sha256_of(list(prompts)):
        yield "the ids of the questions are not those of the manifest"
    filed = {id: (prompts[id], one.group, one.cluster) for id, one in questions.items()}
    others = [s.id for s in samples if (s.prompt_sha256, s.group, s.cluster) != filed.get(s.id)]
    if others:
        yield f"{len(others)} samples are of other questions: {others[0]} is the first"


def _changed_scorer(manifest: Mapping[str, Any], task: Task) -> Iterator[str]:
    if task.scorer is None:
        return
    today = scorer_identity(task.scorer)
    for name, was in manifest.get("scorer", {}).items():
        if was != today.get(name):
            yield f"the scorer's {name} was {was} and is {today.get(name)} here"
