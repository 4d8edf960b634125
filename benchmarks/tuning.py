"""Fine-tuning with our order and masks against TRL's settings, on the same data and model.

    OMP_NUM_THREADS=1 python -m benchmarks.tuning [--samples 2000] [--steps 30] [--repeats 3]

The demo model (models/demo, about a million parameters, float32, CPU) and the demo's mixture of
word problems and Countdown with masked mistakes. Every contender is TRL's SFTTrainer with `labels`;
TRL's own settings are given what their users would give. The contenders take turns. Tokens are
without padding, per CPU second of this process, from the end of the second step to that of the
last: loading and preparing the data, which packing adds to, is left out. Prints Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from train.building.dataset import KINDS, MASKED
from train.fine_tuning.arguments import make_arguments
from train.fine_tuning.checkpoints import Checkpoints
from train.fine_tuning.order import Order
from train.fine_tuning.settings import Sft
from train.fine_tuning.student import Student
from train.fine_tuning.trainer import SegmentTrainer
from train.small.labels import label
from train.small.mixture import Mixture

MODEL = Path(__file__).parent.parent / "models" / "demo"
LOG_EVERY, LR = 10, 1e-3
PACKAGES = ("torch", "transformers", "trl")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run did: tokens without padding, CPU seconds, and the share of padding."""

    num_tokens: int
    cpu_s: float
    padding: float

    @property
    def tokens_per_s(self) -> float:
        return self.num_tokens / self.cpu_s


class Stopwatch(TrainerCallback):  # type: ignore[misc]  # its base is not typed
    """Counts what the model is given, and times it from the end of the second step on."""

    def __init__(self) -> None:
        self.num_tokens = self.num_positions = 0
        self.cpu_s = 0.0

    def count(self, inputs: dict[str, Any]) -> None:
        ids, mask = inputs["input_ids"], inputs.get("attention_mask")
        self.num_positions += ids.numel()
        self.num_tokens += int(ids.numel() if mask is None else mask.sum())

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step == 2:
            self.num_tokens = self.num_positions = 0
            self.cpu_s = -time.process_time()
        elif state.global_step == state.max_steps:
            self.cpu_s += time.process_time()


def make_data(tokenizer: Any, count: int) -> Dataset:
    """Return rows as `build` leaves them: ids, labels, kinds."""
    mixture = Mixture()
    rows: dict[str, list[Any]] = {"input_ids": [], "labels": [], "kinds": []}
    for one in label(tokenizer, [mixture.example(1, index, 1.0) for index in range(count)]):
        labels = np.where(one.weights > 0, one.ids, MASKED)
        first = int(np.argmax(one.weights > 0))
        kinds = np.where(labels == MASKED, KINDS.index("wrong"), KINDS.index("think"))
        kinds[:first] = KINDS.index("prompt")
        for name, column in (("input_ids", one.ids), ("labels", labels), ("kinds", kinds)):
            rows[name].append(column.tolist())
    return Dataset.from_dict(rows)


def load_model() -> tuple[Any, Any]:
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32), tokenizer


def measure(make: Callable[[Stopwatch], Any]) -> Rate:
    """Train and return the rate; what TRL prints is dropped."""
    watch = Stopwatch()
    trainer = make(watch)
    trainer.remove_callback(PrinterCallback)
    step = trainer.training_step

    def counted(model: Any, inputs: dict[str, Any], *rest: Any) -> Any:
        watch.count(inputs)
        return step(model, inputs, *rest)

    trainer.training_step = counted
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    return Rate(watch.num_tokens, watch.cpu_s, 1 - watch.num_tokens / watch.num_positions)


def theirs(data: Dataset, batch: int, steps: int, **more: Any) -> Callable[[Stopwatch], Any]:
    """Return what makes TRL's trainer with a setting."""

    def make(watch: Stopwatch) -> Any:
        model, tokenizer = load_model()
        values: dict[str, Any] = {
            "output_dir": tempfile.mkdtemp(),
            "report_to": "none",
            "use_cpu": True,
            "bf16": False,
            "gradient_checkpointing": False,
            "learning_rate": LR,
            "save_strategy": "no",
            "logging_steps": LOG_EVERY,
            "disable_tqdm": True,
            "max_length": 1024,
            "max_steps": steps,
            "per_device_train_batch_size": batch,
        }
        return SFTTrainer(
            model=model,
            args=SFTConfig(**{**values, **more}),
            train_dataset=data.select_columns(["input_ids", "labels"]),
            processing_class=tokenizer,
            callbacks=[watch],
        )

    return make


def ours(data: Dataset, settings: Sft, steps: int) -> Callable[[Stopwatch], Any]:
    """Return what makes our trainer, as `python -m train sft` would."""

    def make(watch: Stopwatch) -> Any:
        model, tokenizer = load_model()
        lengths = np.array([len(row) for row in data["input_ids"]])
        epochs = steps * settings.batch / len(lengths)
        order = Order(lengths, settings.batch, settings.micro_batch, epochs, 1, settings.window)
        folder = Path(tempfile.mkdtemp())
        arguments = make_arguments(
            settings, folder, 1, order.num_steps, 1, is_packed=False, has_holdout=False
        )
        nothing = data.select([])
        return SegmentTrainer(
            Student(model, tokenizer, ()),
            arguments,
            order,
            (data, nothing),
            Checkpoints(folder, {}, 1),
            [watch],
        )

    return make


def main(argv: list[str] | None = None) -> int:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000, help="rows of data (default: 2000)")
    parser.add_argument("--steps", type=int, default=30, help="of 16 samples (default: 30)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (default: 3)")
    options = parser.parse_args(argv)
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    data = make_data(AutoTokenizer.from_pretrained(MODEL), options.samples)
    settings = Sft(
        lr=LR, batch=16, micro_batch=16, precision="float32", log_every=LOG_EVERY, packing="off"
    )
    steps = options.steps
    grouped = {"train_sampling_strategy": "group_by_length"}
    contenders = {
        "TRL, padded": theirs(data, 16, steps),
        "TRL, group_by_length": theirs(data, 16, steps, **grouped),
        "TRL, packing bfd, rows of 512": theirs(data, 4, steps, packing=True, max_length=512),
        "ours, batch 16 (window 50)": ours(data, settings, steps),
        "ours, batch 128 in micro-batches of 16 (window 50)": ours(
            data, Sft(**{**_values(settings), "batch": 128}), max(4, steps // 8)
        ),
    }
    rates: dict[str, list[Rate]] = {name: [] for name in contenders}
    for _ in range(options.repeats):
        for name, make in contenders.items():
            rates[name].append(measure(make))
    _print(rates, data)
    return 0


def _values(settings: Sft) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in Sft.__dataclass_fields__}


def _print(rates: dict[str, list[Rate]], data: Dataset) -> None:
    medians = {
        name: statistics.median(rate.tokens_per_s for rate in measured)
        for name, measured in rates.items()
    }
    best = max(value for name, value in medians.items() if name.startswith("TRL"))
    lengths = [len(row) for row in data["input_ids"]]
    targets = sum(sum(i != MASKED for i in row) for row in data["labels"])
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(
        f"{len(lengths):,} samples, {sum(lengths):,} tokens of which {targets / sum(lengths):.0%} "
        f"with a loss, {min(lengths)} to {max(lengths)} a sample; {packages}; one thread\n"
    )
    print("| trainer | tokens per CPU second, median (least to most) | of TRL's best | padding |")
    print("|---|---|---|---|")
    for name, measured in rates.items():
        each = [rate.tokens_per_s for rate in measured]
        spread = f"{medians[name]:,.0f} ({min(each):,.0f} to {max(each):,.0f})"
        padding = statistics.mean(rate.padding for rate in measured)
        print(f"| {name} | {spread} | {medians[name] / best:.2f} | {padding:.1%} |")


if __name__ == "__main__":
    raise SystemExit(main())
