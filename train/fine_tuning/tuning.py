"""Tuning: one run from built data to tuned weights, below the folder of the run.

tuning/checkpoint-<step>: where the same command goes on; tuning/curves.jsonl and TensorBoard's
files: figures every few steps; tuning/sft.json: what was done, at the end, the same however often
the run was stopped; tuned/: the model as a Hugging Face folder, with LoRA the adapter alone.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from trl import pack_dataset

from files.whole import sync_all, write_whole
from train.building.dataset import KINDS, Built, load_built
from train.errors import DataError, TrainError
from train.fine_tuning.arguments import is_packing, make_arguments, num_micro_batches
from train.fine_tuning.checkpoints import Checkpoints
from train.fine_tuning.columns import count_kinds, lengths
from train.fine_tuning.curves import Curves
from train.fine_tuning.holdout import fill_up
from train.fine_tuning.identity import identify
from train.fine_tuning.isolation import check_isolation
from train.fine_tuning.order import Order
from train.fine_tuning.settings import Sft
from train.fine_tuning.stopping import Stopping
from train.fine_tuning.student import Student, load_student, warn_of_rank
from train.fine_tuning.trainer import SegmentTrainer
from train.run_folder import BUILT, TUNED, TUNING, TUNING_MANIFEST
from train.segments import Kind

logger = logging.getLogger(__name__)

FORMAT = 1
COLUMNS = ["input_ids", "labels", "kinds"]
PACKAGES = ("accelerate", "peft", "torch", "transformers", "trl")
REFLECTION = KINDS.index(Kind.REFLECTION.value)


class StoppedError(Exception):
    """The run was asked to stop; its checkpoint is saved."""


@dataclass
class Tuning:
    """One run of tuning in the folder of a run; one per process.

    is_forced: go on from a checkpoint although it was made with other data or settings
    is_silent: no progress bar
    """

    settings: Sft
    run: Path
    seed: int
    is_forced: bool = False
    is_silent: bool = False
    state: PartialState = field(
        default_factory=lambda: PartialState(cpu=not torch.cuda.is_available())
    )

    @cached_property
    def built(self) -> Built:
        """What is learned from."""
        built = load_built(self.run / BUILT)
        if not len(built.train):
            raise DataError(f"{self.run / BUILT} has no sample to learn from")
        return built

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """Where the run goes on."""
        identity = identify(self.settings, self.seed, self.built)
        return Checkpoints(self.run / TUNING, identity, self.settings.keep)

    def done(self) -> dict[str, Any] | None:
        """Return the manifest where all is done; raise TrainError if it is of another run."""
        if not (self.run / TUNED).is_dir():
            return None
        try:
            manifest: dict[str, Any] = json.loads(
                (self.run / TUNING / TUNING_MANIFEST).read_text(encoding="utf-8")
            )
        except FileNotFoundError:
            return None
        former, identity = manifest["identity"], self.checkpoints.identity
        differs = [name for name, value in identity.items() if former.get(name) != value]
        if differs:
            raise TrainError(
                f"{self.run / TUNED} was tuned with other {', '.join(differs)}: "
                "--restart tunes anew"
            )
        return manifest

    def restart(self) -> None:
        """Forget what was tuned before."""
        if self.state.is_main_process:
            (self.run / TUNING / TUNING_MANIFEST).unlink(missing_ok=True)
            self.checkpoints.remove()
            shutil.rmtree(self.run / TUNING, ignore_errors=True)
            shutil.rmtree(self.run / TUNED, ignore_errors=True)
        self.state.wait_for_everyone()

    def tune(self) -> dict[str, Any]:
        """Tune from the start or the last checkpoint; return the manifest.

        Raise StoppedError after SIGTERM or Ctrl-C, once a checkpoint stands.
        """
        done = self.done()
        if done is not None:
            return done
        checkpoint = self.checkpoints.last(is_forced=self.is_forced)
        self.checkpoints.folder.mkdir(parents=True, exist_ok=True)
        with Stopping(self.settings.save_every_s) as stopping:
            trainer = self._trainer(stopping)
            self._train(trainer, checkpoint)
            if stopping.is_stopped:
                raise StoppedError(f"stopped at step {trainer.state.global_step}")
        _save_tuned(trainer, self.run / TUNED)
        manifest = self._manifest(trainer)
        if self.state.is_main_process:
            text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
            write_whole(self.run / TUNING / TUNING_MANIFEST, text, is_synced=True)
        return manifest

    def _train(self, trainer: SegmentTrainer, checkpoint: Path | None) -> None:
        resume = None if checkpoint is None else str(checkpoint)
        if not self.state.is_main_process:
            trainer.train(resume_from_checkpoint=resume)
            return
        with Curves(self.run / TUNING, self.settings.epochs, is_silent=self.is_silent) as curves:
            trainer.add_callback(curves)
            trainer.train(resume_from_checkpoint=resume)

    def _trainer(self, stopping: Stopping) -> SegmentTrainer:
        settings, is_packed = self.settings, is_packing(self.settings)
        num_micro_batches(settings, self.state.num_processes)  # refuse before anything is loaded
        student = load_student(settings, self.built.tokenizer)
        self._check(student, is_packed=is_packed)
        if is_packed:
            check_isolation(student.model)
        train, holdout = self._data(is_packed=is_packed)
        order = Order(
            lengths(train),
            settings.batch,
            settings.micro_batch,
            settings.epochs,
            self.seed,
            settings.window,
        )
        arguments = make_arguments(
            settings,
            self.checkpoints.folder,
            self.seed,
            order.num_steps,
            self.state.num_processes,
            is_packed=is_packed,
            has_holdout=len(holdout) > 0,
        )
        return SegmentTrainer(
            student, arguments, order, (train, holdout), self.checkpoints, [stopping]
        )

    def _data(self, *, is_packed: bool) -> tuple[Any, Any]:
        """Return the rows to learn from and those held out."""
        data = (rows.select_columns(COLUMNS) for rows in (self.built.train, self.built.holdout))
        if is_packed:
            data = (pack_dataset(rows, self.settings.max_length, "bfd") for rows in data)
        train, holdout = data
        return train, fill_up(holdout, self.settings.micro_batch * self.state.num_processes)

    def _check(self, student: Student, *, is_packed: bool) -> None:
        """Raise DataError where a sample does not fit: an answer is never cut."""
        counts, _ = count_kinds(self.built.train)
        warn_of_rank(self.settings, bool(counts[REFLECTION]))
        longest = int(max(lengths(self.built.train)))
        room = getattr(student.model.config, "max_position_embeddings", longest)
        if is_packed:
            room = min(room, self.settings.max_length)
        if longest > room:
            raise DataError(
                f"a sample has {longest} tokens, there is room for {room}: build with a smaller "
                "build.max_length"
            )

    def _manifest(self, trainer: SegmentTrainer) -> dict[str, Any]:
        of_all, of_targets = count_kinds(self.built.train)
        padding = 0.0 if trainer.padding_free else round(trainer.order.padding_share, 4)
        return {
            "format": FORMAT,
            "identity": dict(self.checkpoints.identity),
            "method": self.settings.method,
            "base": self.settings.model,
            "num_steps": trainer.order.num_steps,
            "num_rows": len(trainer.order.lengths),
            "num_parameters": sum(p.numel() for p in trainer.model.parameters()),
            "num_tuned": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
            "is_packed": bool(trainer.padding_free),
            "padding_share": padding,
            "tokens": _by_kind(of_all),
            "loss_tokens": _by_kind(of_targets),
            "versions": {name: version(name) for name in PACKAGES},
        }


def _by_kind(counts: Any) -> Mapping[str, int]:
    return {name: int(count) for name, count in zip(KINDS, counts, strict=True) if count}


def _save_tuned(trainer: SegmentTrainer, folder: Path) -> None:
    """Write the weights and the tokenizer beside, then put them in their place."""
    plugin = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if plugin is not None:
        plugin.set_state_dict_type("FULL_STATE_DICT")  # one model, not its shards
    beside = folder.with_name(f".{folder.name}.partial")
    if trainer.is_world_process_zero():
        shutil.rmtree(beside, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    trainer.save_model(str(beside))
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        (beside / "training_args.bin").unlink(missing_ok=True)  # a pickle, with paths in it
        sync_all(beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)
    trainer.accelerator.wait_for_everyone()
