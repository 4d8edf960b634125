"""Runs of recycling as tests want them: a configuration, its samples, what comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.train.recycling.fake_student import FakeStudent
from train.config import Config
from train.recycling.ratios import Student
from train.recycling.session import recycle
from train.recycling.settings import Recycle, Teacher
from train.samples import prepare_samples
from train.settings import Data, Run, Source


def configure(
    folder: Path, url: str, instructions: Iterable[str], recycle: Recycle, **teacher: Any
) -> Config:
    """Return the configuration of a run on samples of those instructions.

    The time-out is one that a busy machine keeps: a request that times out is asked twice.
    """
    file = folder / "seeds.jsonl"
    if not file.exists():
        rows = [{"instruction": text, "response": f"About {text}."} for text in instructions]
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    given: dict[str, Any] = {"base_url": url, "model": "scripted", "timeout_s": 60.0} | teacher
    data = Data((Source("jsonl", file),))
    return Config(Run("test", folder / "run"), data, Teacher(**given), recycle)


async def recycled(config: Config, student: Student | None = None) -> dict[str, Any] | None:
    """Recycle the run with a fake student and return its summary."""
    manifest = prepare_samples(config.run, config.data)
    return await recycle(config, manifest, lambda: student or FakeStudent())


def run(config: Config, student: Student | None = None) -> dict[str, Any] | None:
    """Do as `recycled`, where no event loop runs."""
    return asyncio.run(recycled(config, student))


def rows(config: Config) -> list[dict[str, Any]]:
    """Return the lines of recycled.jsonl."""
    text = (config.run.dir / "recycled.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def journal(config: Config) -> list[dict[str, Any]]:
    """Return the whole lines of the teacher's journal."""
    file = config.run.dir / "teacher" / "journal.jsonl"
    content = file.read_bytes() if file.exists() else b""
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def named(config: Config) -> dict[str, dict[str, Any]]:
    """Return the lines by the instruction that they began with."""
    return {row["variants"]["original"]["instruction"]: row for row in rows(config)}
