"""RunSet: all runs below one folder: the same questions, put to each of its models."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from client.endpoint import Endpoint
from eval.errors import RunError
from eval.measures.usage import Prices
from eval.running import manifest
from eval.running.plan import Plan
from eval.running.progress import Progress
from eval.running.run_folder import MANIFEST, RunFolder
from eval.running.runner import Runner
from eval.running.scoring import Scoring
from eval.sample import Sample

ROOT = Path("runs/eval")
MAX_NAME = 120  # characters; file systems take 255 bytes


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change what is asked: prices, worker processes, where scorers find data.

    is_baseline: whether the run is there to compare another with; its manifest says so
    """

    prices: Prices | None = None
    workers: int | None = None
    data: Path | None = None
    is_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that came to its end: its folder, its manifest, and whether it gave up."""

    path: Path
    manifest: dict[str, Any]
    has_given_up: bool

    @property
    def num_errors(self) -> int:
        """Samples without a reply."""
        return int(self.manifest["counts"]["error"])

    @property
    def said(self) -> str:
        """What the last sample without a reply says of it."""
        failures = [s.failure for s in RunFolder(self.path).samples().values() if s.failure]
        return failures[-1].told if failures else ""


class RunSet:
    """A folder with one folder a task and in it one a model; owned by one command at a time.

    is_resumed: whether runs that are there go on; otherwise one that is there is an error
    """

    def __init__(self, path: Path, is_resumed: bool = False) -> None:
        if is_resumed and not path.is_dir():
            raise RunError(f"{path} is no folder of runs to resume")
        self.path, self.is_resumed = path, is_resumed
        self._taken: set[Path] = set()

    @classmethod
    def new(cls) -> RunSet:
        """Name a folder after the time."""
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        paths = [ROOT / name, *(ROOT / f"{name}-{number}" for number in range(2, 100))]
        return cls(next(path for path in paths if not path.exists()))

    def folder(self, task: str, model: str) -> RunFolder:
        """Return the folder of a run; a second model of the same name gets a number."""
        name = folder_name(model) or "model"
        path, number = self.path / task / name, 1
        while path in self._taken:
            number += 1
            path = self.path / task / f"{name}-{number}"
        self._taken.add(path)
        if (path / MANIFEST).exists() and not self.is_resumed:
            raise RunError(f"{path} holds a run: go on with --resume, or give another --out")
        return RunFolder(path)


def folder_name(text: str) -> str:
    """Return the text as the name of one folder, which leads nowhere else; "" for dots alone."""
    return re.sub(r"[^\w.+-]+", "--", text).strip(".-")[:MAX_NAME]


async def run_plan(
    plan: Plan, endpoint: Endpoint, folder: RunFolder, settings: Settings | None = None
) -> Ended:
    """Ask what the plan asks and the folder does not answer yet; write manifest and samples.

    However it ends, but for a kill, the manifest says how far it came.
    """
    begun_s, settings = time.monotonic(), settings or Settings()
    about = manifest.begin(plan, endpoint.model, settings.is_baseline)
    with folder:
        samples: dict[tuple[str, int], Sample] = {}
        if (folder.path / MANIFEST).exists():
            about = manifest.resume(about, folder.manifest)
            samples = folder.samples()
        folder.write_questions(plan.questions)
        folder.write_manifest(about)
        has_given_up, status = False, "stopped"
        try:
            has_given_up = await _ask(plan, endpoint, folder, samples, settings)
            status = "stopped" if has_given_up else "finished"
        finally:
            wall_s = time.monotonic() - begun_s
            listed = samples.values()
            about = manifest.finish(about, plan, listed, status, wall_s, settings.prices)
            folder.write_manifest(about)
    return Ended(folder.path, about, has_given_up)


async def _ask(
    plan: Plan,
    endpoint: Endpoint,
    folder: RunFolder,
    samples: dict[tuple[str, int], Sample],
    settings: Settings,
) -> bool:
    """Run the runner with a line of progress; return whether it gave up."""
    scorer = plan.task.scorer
    name = f"{plan.task.name} {endpoint.model}"
    progress = Progress(name, plan.num_asks, scorer is not None, settings.prices)
    progress.resume(samples.values())
    scores = Scoring(scorer, settings.workers, settings.data) if scorer else nullcontext()
    async with scores as scoring, progress:
        runner = Runner(plan, endpoint, folder, scoring, progress)
        await runner.run(samples)
        return runner.has_given_up
