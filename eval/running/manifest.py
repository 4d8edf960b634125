"""The manifest of a run: what it asked of whom and how, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from eval.errors import RunError
from eval.measures.summary import summarize
from eval.measures.usage import Prices
from eval.running.digest import digest
from eval.running.plan import Plan
from eval.running.provenance import git_commit, scorer_identity, versions
from eval.sample import Sample

FORMAT = 1
PACKAGES = ("aiohttp",)
FIXED = ("task", "model", "treatment", "data", "protocol", "scorer")
CARRIERS = ("origin", "file_sha256")  # the same rows may come from another file


def begin(plan: Plan, model: str, is_baseline: bool = False) -> dict[str, Any]:
    """Return the manifest of a run that begins; it names no host, no key, no path."""
    task = plan.task
    decided: dict[str, Any] = {}
    packages = {*PACKAGES, *task.packages}
    if task.scorer is not None:
        decided["scorer"] = scorer_identity(task.scorer)
        packages |= set(task.scorer.packages)
    return {
        "format": FORMAT,
        "task": task.name,
        "model": model,
        "status": "running",
        **({"is_baseline": True} if is_baseline else {}),
        **plan.identity(),
        **decided,
        "versions": versions(packages),
        "git_commit": git_commit(),
        "started": now(),
        "wall_s": 0.0,
    }


def resume(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of a run that goes on; RunError names what differs from its beginning."""
    for name in FIXED:
        if differing := _differing(name, new.get(name), old.get(name)):
            raise RunError(
                f"this run cannot go on: its {differing}. Give the arguments it began with, or "
                "begin another."
            )
    kept = {name: old[name] for name in ("started", "wall_s", "judge") if name in old}
    sessions = [*old.get("sessions", []), {"resumed": new["started"]}]
    return new | kept | {"sessions": sessions}


def finish(
    manifest: dict[str, Any],
    plan: Plan,
    samples: Iterable[Sample],
    status: str,
    wall_s: float,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Return the manifest of a run that ended: finished, or stopped before its end."""
    listed = sorted(samples, key=lambda sample: (sample.epoch, sample.id))
    fingerprints = {turn.fingerprint for sample in listed for turn in sample.turns}
    questions = {question.id: question for question in plan.questions}
    return {
        **manifest,
        "status": status,
        "ended": now(),
        "wall_s": round(manifest["wall_s"] + wall_s, 3),
        "system_fingerprints": sorted(filter(None, fingerprints)),
        **summarize(plan.task, questions, listed, prices),
        "digest": digest(listed),
    }


def now() -> str:
    """Return the time as it stands in manifests: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _differing(name: str, new: Any, old: Any) -> str | None:
    """Say which part differs, and how; a hash only where nothing else tells."""
    if isinstance(new, dict) and isinstance(old, dict):
        for part in sorted(new.keys() | old.keys(), key=_rank):
            if new.get(part) != old.get(part) and part not in CARRIERS:
                return f"{name}.{part} was {old.get(part)!r} and is {new.get(part)!r} now"
        return None
    return None if new == old else f"{name} was {old!r} and is {new!r} now"


def _rank(part: str) -> tuple[bool, str]:
    return part.endswith("sha256"), part
