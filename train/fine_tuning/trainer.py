"""SegmentTrainer: TRL's SFTTrainer fed with our ids, labels and kinds, in our order.

TRL computes the loss, over the loss tokens of all processes; its templates and masks are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from train.building.dataset import KINDS, MASKED
from train.fine_tuning.checkpoints import Checkpoints
from train.fine_tuning.collator import Collator
from train.fine_tuning.meter import Meter
from train.fine_tuning.order import Order
from train.fine_tuning.student import Student
from train.segments import Kind

WRONG = KINDS.index(Kind.WRONG.value)
MASKED_EVERY = 5  # logs: it costs a forward pass


class SegmentTrainer(SFTTrainer):
    """One per run and process.

    Laws: a step learns from the same samples, and the holdout's loss is of each sample once,
    whatever the number of processes; a run that was stopped or killed and has gone on ends with
    the weights of one that was not.
    """

    def __init__(
        self,
        student: Student,
        arguments: SFTConfig,
        order: Order,
        data: tuple[Any, Any],
        checkpoints: Checkpoints,
        callbacks: Sequence[Any],
    ) -> None:
        train, holdout = (rows.with_format("numpy") for rows in data)
        super().__init__(
            model=student.model,
            args=arguments,
            train_dataset=train,
            eval_dataset=holdout if len(holdout) else None,
            processing_class=student.tokenizer,
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)
        self.data_collator: Any = Collator(self.data_collator)
        self.order, self.checkpoints = order, checkpoints
        self._is_saving = False
        device = self.accelerator.device
        self._meters = {True: Meter(device), False: Meter(device)}  # training, holdout
        self._masked = Meter(device)
        self._passed: tuple[Any, Any] | None = None
        self._num_micro_batches = 0
        self.model.register_forward_hook(self._observe)

    def get_train_dataloader(self) -> Any:
        """Load in our order; accelerate deals the micro-batches out to the processes in turn."""
        return self.accelerator.prepare(
            DataLoader(
                self.train_dataset,
                batch_sampler=self.order,
                collate_fn=self.data_collator,
                num_workers=self.args.dataloader_num_workers,
                pin_memory=self.args.dataloader_pin_memory,
            )
        )

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return TRL's loss; on the way the meters see what each token cost."""
        kinds = inputs.pop("kinds")
        if self._is_masked_due():
            self._measure_masked(inputs, kinds)
        self._passed = inputs, kinds
        loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self._passed = None
        return loss

    def _observe(self, module: Any, _: Any, output: Any) -> None:
        if self._passed is not None:
            self._meters[module.training].observe(*self._passed, output)

    def _is_masked_due(self) -> bool:
        """Whether this micro-batch, one in MASKED_EVERY logs, shows the masked loss."""
        if not self.model.training:
            return False
        at = self._num_micro_batches % self.args.gradient_accumulation_steps
        self._num_micro_batches += 1
        step = self.state.global_step
        is_due = (step + 1) % (MASKED_EVERY * int(self.args.logging_steps)) == 0 or step == 0
        return is_due and bool(at == step % self.args.gradient_accumulation_steps)

    def _measure_masked(self, inputs: dict[str, Any], kinds: torch.Tensor) -> None:
        """Measure the loss on the mistakes that are kept out of it."""
        is_masked = (kinds == WRONG) & (inputs["labels"] == MASKED)
        labels = torch.where(is_masked, inputs["input_ids"], MASKED)
        self.model.eval()
        with torch.no_grad(), self.compute_loss_context_manager():
            output = self.model(**{**inputs, "labels": labels}, use_cache=False, fused_lm_head=True)
        self.model.train()
        self._masked.observe({**inputs, "labels": labels}, kinds, output)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the meters' figures to the trainer's."""
        is_training = self.model.training
        if "loss" in logs or not is_training:
            figures = self._meters[is_training].read(self.accelerator)
            mean = figures.pop("mean_loss", None)
            if is_training:
                masked = self._masked.read(self.accelerator).get("loss/wrong")
                logs.update(figures if masked is None else {**figures, "masked_loss/wrong": masked})
            elif mean is not None:
                logs.update({f"holdout_{k}": v for k, v in figures.items() if "loss/" in k})
                logs["eval_loss"] = mean
        super().log(logs, start_time)

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ARG002  as transformers calls it
        folder = self.checkpoints.partial if self._is_saving else self.checkpoints.folder
        return str(folder)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint beside, then put it in its place; no model card."""
        if self.is_world_process_zero():
            self.checkpoints.clear()
        self.accelerator.wait_for_everyone()
        self._is_saving = True
        try:
            super(SFTTrainer, self)._save_checkpoint(model, trial)
        finally:
            self._is_saving = False
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            self.checkpoints.place(self.state.global_step)
        self.accelerator.wait_for_everyone()
