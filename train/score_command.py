"""Score samples with a student: `python -m train score -c run.toml`.

Scores the samples of the run (samples.jsonl, which [data] gives), or those of --file, and writes
scored.jsonl: IFD, r-IFD and the four likelihoods of each. The same command goes on after a kill.
Over the GPUs of a machine, or the machines of a cluster:

    torchrun --nproc-per-node 8 -m train score -c run.toml
    python -m train score -c run.toml --ray 32 --ray-gpus 1
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.config import Config, add_config_arguments, read_config
from train.errors import ConfigError
from train.run_folder import SCORED, SCORES
from train.sample import Sample
from train.samples import prepare_samples, read_samples, read_seeds, told_counts
from train.settings import Source
from train.sources import READERS

if TYPE_CHECKING:
    from train.scoring.loading import Identity
    from train.scoring.processes import Processes
    from train.scoring.shards import Work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    add_config_arguments(parser)
    parser.add_argument("--file", type=Path, help="score these samples instead of the run's")
    parser.add_argument(
        "--kind", choices=sorted(READERS), default="jsonl", help="of --file (default: jsonl)"
    )
    parser.add_argument(
        "--ray", type=int, default=0, metavar="WORKERS", help="score on a Ray cluster (default: 0)"
    )
    parser.add_argument(
        "--ray-gpus", type=float, default=0.0, help="GPUs of each such worker (default: 0)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when every sample has its scores or a status that says why not."""
    from train.scoring.processes import join_processes

    config = read_config(arguments)
    with join_processes() as processes:
        if processes.is_first and not arguments.file and config.data.sources:
            prepare_samples(config.run, config.data)
        processes.wait_for_all()
        _score(config, arguments, processes)
    return 0


def _score(config: Config, arguments: argparse.Namespace, processes: Processes) -> None:
    from train.scoring.distribution import describe
    from train.scoring.loading import identify
    from train.scoring.scored import collect, inputs_of, is_scored, read_scored, write_scored
    from train.scoring.shards import Work

    quiet_transformers()
    identity = identify(replace(config.score, model=config.score.model or config.sft.model))
    samples, counts = _read_samples(config, arguments)
    work = Work.of(identity.settings, config.run.dir / SCORES, samples)
    if processes.world > work.settings.shards:
        raise ConfigError(f"{processes.world} processes want score.shards = {processes.world}")
    file, inputs = config.run.dir / name_scored(arguments.file), inputs_of(work, identity)
    if not is_scored(file, inputs):
        _compute(work, arguments, processes, identity)
        processes.wait_for_all()
        if processes.is_first:
            write_scored(file, collect(work, identity), inputs, counts)
    if processes.is_first:
        read = [told_counts(counts)] if counts else []
        print("\n".join([*read, describe(read_scored(file)), str(file)]))


def _read_samples(
    config: Config, arguments: argparse.Namespace
) -> tuple[dict[str, Sample], dict[str, Any] | None]:
    """Return the samples by id, and the counts of the rows of --file."""
    if arguments.file:
        return read_samples(Source(arguments.kind, arguments.file))
    return {seed.id: seed.sample for seed in read_seeds(config.run.dir)}, None


def name_scored(file: Path | None) -> str:
    """Return the name of the scores of a file, or of the run."""
    if file is None:
        return f"{SCORED}.jsonl"
    name = file.name
    for ending in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(ending)
    return f"{name}.{SCORED}.jsonl"


def _compute(
    work: Work, arguments: argparse.Namespace, processes: Processes, identity: Identity
) -> None:
    if arguments.ray:
        from train.scoring.cluster import score_on_cluster

        score_on_cluster(work, arguments.ray, arguments.ray_gpus)
        return
    from train.scoring.progress import Progress
    from train.scoring.scorer import Scorer
    from train.scoring.shards import numbers_of, score_shard

    scorer = Scorer(identity)
    numbers = list(numbers_of(processes.rank, processes.world, work.settings.shards))
    with Progress(sum(len(work.shard(number)) for number in numbers), processes.is_first) as bar:
        for number in numbers:
            score_shard(work, number, scorer, bar.on_batch)
            bar.finish_shard(len(work.shard(number)))


def quiet_transformers() -> None:
    """Keep the bars of loading weights away from ours."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
