"""What the browser of samples reads: runs and questions, to stand as JSON inside the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from client.turn import Turn
from eval.question import Question, sha256_of
from eval.reports.material import Material
from eval.sample import Sample


def browser_data(runs: Sequence[Material]) -> dict[str, Any]:
    """Return the runs' questions, each set of them once, and the samples of each run."""
    sets: dict[str, list[dict[str, Any]]] = {}
    listed = []
    for run in runs:
        asked = [_question(question) for question in run.questions.values()]
        key = sha256_of(asked)[:16]
        sets.setdefault(key, asked)
        listed.append({"name": run.name, "task": run.task, "set": key, "samples": _samples(run)})
    return {"sets": sets, "runs": listed}


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "group": question.group,
        "shots": len(question.context),
        "turns": question.turns,
        "choices": _texts(question.row.get("choices")),
        "gold": _text(question.gold),
    }


def _samples(run: Material) -> list[dict[str, Any]]:
    numbers = {id: number for number, id in enumerate(run.questions)}
    return [
        _sample(sample, numbers[sample.id], run.verdicts.get((sample.id, sample.epoch), ()))
        for sample in run.samples
        if sample.id in numbers
    ]


def _sample(sample: Sample, number: int, verdicts: Sequence[str]) -> dict[str, Any]:
    """Return one sample; what says nothing is left out."""
    score = sample.score
    told: Mapping[str, Any] = {
        "question": number,
        "epoch": sample.epoch,
        "value": sample.value,
        "extracted": score.extracted if score else None,
        "rule": score.rule if score else "",
        "compat": score.compat if score else None,
        "details": dict(score.details) if score else {},
        "flags": sorted(sample.all_flags),
        "failure": sample.failure.told if sample.failure else None,
        "turns": [_turn(turn) for turn in sample.turns],
        "verdicts": verdicts,
    }
    kept = {"question", "value"}
    return {name: value for name, value in told.items() if name in kept or value not in EMPTY}


EMPTY: tuple[Any, ...] = (None, "", 0, (), [], {})


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "content": turn.content,
        "reasoning": turn.reasoning,
        "tokens": turn.num_tokens,
        "thinking": turn.num_thinking_tokens,
        "seconds": round(turn.latency_s, 3),
        "finish": turn.finish_reason,
    }


def _text(value: Any) -> str:
    """Write a right answer as people read it."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _texts(choices: Any) -> list[str]:
    return [_text(choice) for choice in choices] if isinstance(choices, list | tuple) else []
