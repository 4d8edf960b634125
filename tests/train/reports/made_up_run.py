"""A made-up run folder that shows all a report can: every status, outcome and stage."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.config import Config
from train.recycling.settings import Teacher
from train.settings import Run

TOPICS = ("kites", "tides", "sourdough", "prime numbers", "bees", "maps", "rivers", "violins")
BEFORE = "Explain {topic} to a child. Keep it short."
HARDER = "Explain {topic} to a curious child of nine. Name two causes and one common mistake."
SHORT = "There is much to say of {topic}. They are interesting."
LONG = (
    "There is much to say of {topic}, and a child can see most of it. First, look closely: what "
    "moves, and what stays? Second, ask what would happen if one part were missing. A common "
    "mistake is to think that {topic} work alone. They are interesting because they do not."
)
CRITICISM = "The answer on {topic} is true but thin: no cause is named, nothing is shown."
ENDS = (  # status, outcome, and how often of a hundred
    ("ok", "both", 38),
    ("ok", "response", 30),
    ("ok", "instruction", 10),
    ("ok", "none", 8),
    ("parse_failed", "response", 6),
    ("truncated", "none", 3),
    ("refused", "none", 2),
    ("too_long", "none", 2),
    ("api_error", "none", 1),
)


def texts(instruction: str, response: str, topic: str) -> dict[str, str]:
    """Return a variant."""
    return {
        "instruction": instruction.format(topic=topic),
        "input": "",
        "response": response.format(topic=topic),
    }


def scores(rng: random.Random, ifd: float, rifd: float) -> dict[str, Any]:
    """Return the scores of a variant, spread about these ratios."""
    ppl = rng.lognormvariate(2.6, 0.6) + 1
    ifd, rifd = ifd + rng.gauss(0, 0.09), rifd + rng.gauss(0, 0.1)
    return {
        "ifd": round(ifd, 6),
        "ifd_status": "ok",
        "ppl": round(ppl, 6),
        "ppl_given": round(ppl * ifd, 6),
        "rifd": round(rifd, 6),
        "rifd_status": "ok",
        "ppl_instruction": 30.0,
        "ppl_instruction_given": round(30 * rifd, 6),
    }


def line(number: int, status: str, outcome: str, **changes: Any) -> dict[str, Any]:
    """Return one line of `recycled.jsonl`, without rank and reason."""
    topic, rng = TOPICS[number % len(TOPICS)], random.Random(number)
    variants = {"original": texts(BEFORE, SHORT, topic)}
    calls: dict[str, Any] = {}
    is_parsed = status not in {"parse_failed", "refused", "api_error"}
    first = "ok" if is_parsed else status
    calls["instruction"] = _call(first, topic, rng)
    if is_parsed:
        variants["instruction"] = texts(HARDER, SHORT, topic)
    base = "instruction" if outcome in {"both", "instruction"} else "original"
    answered = "both" if base == "instruction" else "response"
    second = "ok" if outcome in {"both", "response"} else "truncated"
    calls[answered] = _call(second if status != "ok" or outcome != "none" else "ok", topic, rng)
    if calls[answered]["status"] == "ok":
        before = variants[base]["instruction"]
        variants[answered] = texts(before, LONG, topic)
    ratios = {"original": (0.71, 0.8), "instruction": (0.77, 0.74), "response": (0.83, 0.66)}
    found = {
        name: scores(rng, *ratios.get(name, (0.86, 0.6))) if is_parsed else {} for name in variants
    }
    return {
        "id": hashlib.sha256(str(number).encode()).hexdigest()[:32],
        "source": "alpaca.json",
        "split": "holdout" if number % 50 == 0 else "train",
        "status": status,
        "outcome": outcome,
        "final": variants["original" if outcome == "none" else outcome],
        "variants": variants,
        "scores": found,
        "calls": calls,
        "decisions": {
            stage: {"is_accepted": is_accepted, "reason": "IFD 0.84 above 0.71"}
            for stage, is_accepted in (
                ("instruction", outcome in {"both", "instruction"}),
                ("response", outcome in {"both", "response"}),
            )
            if is_parsed
        },
        **changes,
    }


def _call(status: str, topic: str, rng: random.Random) -> dict[str, Any]:
    reason = "" if status == "ok" else f"it is {status}"
    said = CRITICISM.format(topic=topic) if status == "ok" else ""
    num_attempts = 1 if rng.random() < 0.9 else 2
    return {"status": status, "reason": reason, "num_attempts": num_attempts, "criticism": said}


def judged(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add kept, rank and reason as selection does."""
    could = [one for one in lines if one["outcome"] in {"both", "response"}]
    could = [one for one in could if one["scores"][one["outcome"]].get("ifd", 2) < 1]
    could.sort(key=lambda one: -one["scores"][one["outcome"]]["ifd"])
    ranks = {one["id"]: rank for rank, one in enumerate(could, 1)}
    verdicts = []
    for one in lines:
        rank = ranks.get(one["id"])
        reason = None if rank is not None else "its response is not the teacher's"
        if one["outcome"] in {"both", "response"} and rank is None:
            reason = "IFD 1.012 is not below 1"
        verdicts.append({"kept": rank is not None, "rank": rank, "reason": reason, **one})
    return verdicts


def many_lines(n: int) -> list[dict[str, Any]]:
    """Return lines of every kind."""
    ends = [(status, outcome) for status, outcome, share in ENDS for _ in range(share)]
    random.Random(0).shuffle(ends)
    return judged([line(number, *ends[number % len(ends)]) for number in range(n)])


def write_recycled(folder: Path, lines: Sequence[Mapping[str, Any]], **summary: Any) -> None:
    """Write recycled.jsonl and recycled.json."""
    text = "".join(json.dumps(one) + "\n" for one in lines)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recycled.jsonl").write_text(text)
    told = {
        "format": 1,
        "inputs": {"teacher": {"model": "a-teacher"}},
        "num_samples": len(lines),
        "num_passing": 0,
        "recycled_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "teacher": {
            "num_replies": 2 * len(lines),
            "num_untold": 0,
            "read": 812_000,
            "written": 403_000,
            "cost": 7.25,
        },
        **summary,
    }
    (folder / "recycled.json").write_text(json.dumps(told))


def write_built(folder: Path) -> None:
    """Write built.json alone: a report reads no ids."""
    (folder / "built").mkdir(parents=True)
    told = {
        "format": 1,
        "num_samples": 131,
        "drops": {"too_long": 4, "near_duplicate": 2, "contaminated": 1},
        "tokens": {"prompt": 9_120, "output": 14_233},
        "loss_share": 0.609,
        "template_sha256": "ab" * 32,
    }
    (folder / "built" / "built.json").write_text(json.dumps(told))


def write_tuning(folder: Path, num_steps: int = 60, *, is_finished: bool = True) -> None:
    """Write the curves, and sft.json where it is finished."""
    (folder / "tuning").mkdir(parents=True)
    rng, lines = random.Random(3), []
    for step in range(1, num_steps + 1):
        loss = 1.1 + 1.6 * 0.93**step + rng.gauss(0, 0.03)
        figures = {
            "loss": loss,
            "lr": 2e-5 * (1 - step / (num_steps + 1)),
            "grad_norm": 1 + rng.random() / 2,
            "loss/think": loss + 0.1,
            "loss/output": loss - 0.2,
            "loss_share": 0.6 + rng.gauss(0, 0.02),
            "tokens_per_s": 3_000 + rng.gauss(0, 90),
        }
        lines.append({"step": step, **figures})
        if step % 20 == 0:
            lines.append({"step": step, "holdout_loss": loss + 0.15})
    curves = "".join(json.dumps(one) + "\n" for one in lines)
    (folder / "tuning" / "curves.jsonl").write_text(curves)
    if is_finished:
        told = {"format": 1, "method": "full", "num_steps": num_steps, "num_parameters": 942_336}
        (folder / "tuning" / "sft.json").write_text(json.dumps(told))


def made_up_run(folder: Path, n: int = 200) -> Config:
    """Write a run with every stage and return its configuration."""
    write_recycled(folder, many_lines(n))
    write_built(folder)
    write_tuning(folder)
    (folder / "data.json").write_text(json.dumps({"format": 1, "num_samples": n}))
    return config_of(folder)


def config_of(folder: Path) -> Config:
    """Return the configuration of a run there."""
    return Config(Run("made-up", folder), teacher=Teacher(price_read=3.0, price_written=12.0))
