"""Scoring over the machines of a Ray cluster, which may come and go: Ray Data, a shard a row."""

from __future__ import annotations

import os
from typing import Any

from train.errors import TrainError
from train.scoring.shards import Work, score_shard

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # or Ray warns of what its next versions will do
}


class ShardScorer:
    """One worker with its student; Ray starts it in a process of its own, on any machine."""

    def __init__(self, work: Work) -> None:
        from train.scoring.scorer import Scorer

        self._work = work
        self._scorer = Scorer(work.settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Score the shards whose numbers stand under "id"."""
        for number in batch["id"]:
            score_shard(self._work, int(number), self._scorer)
        return batch


def score_on_cluster(work: Work, num_workers: int, gpus_each: float) -> None:
    """Compute all shards; the journals' folder must be one that all machines share.

    Joins the cluster that RAY_ADDRESS names, or starts one of this machine.
    """
    os.environ |= ENVIRONMENT
    try:
        import ray
    except ImportError as error:
        raise TrainError(
            "--ray wants the extra `ray`: pip install 'reflection-runtime[ray]'"
        ) from error
    was_there = ray.is_initialized()
    if not was_there:
        ray.init(log_to_driver=False, include_dashboard=False)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = ray.data.range(work.settings.shards, override_num_blocks=work.settings.shards)
        rows.map_batches(
            ShardScorer,
            fn_constructor_args=(work,),
            batch_size=1,
            concurrency=num_workers,
            num_gpus=gpus_each or None,
        ).materialize()
    finally:
        if not was_there:
            ray.shutdown()
