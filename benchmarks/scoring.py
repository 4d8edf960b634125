"""What the scores of a recycled sample cost: the published way against ours.

    OMP_NUM_THREADS=1 python -m benchmarks.scoring [--model FOLDER] [--data FILE] [--seeds 125]

A seed sample has four variants (original, new instruction, new response, both), made of other rows
of the real data. The published way scores each by itself: four forwards with the loss over all
positions and the whole vocabulary, and the hidden states of all layers: 16 forwards a seed
(`parts/published_scoring.py`, a re-implementation that shares nothing with ours). Ours is measured
twice: the same 16 forwards in batches, and the lazy order, which computes what the
selection asks for (all seeds together, in four phases). CPU time of one thread; the two ways in
turn, a block of seeds each, so that a busy machine slows both. Prints Markdown.

The student is a random Llama of 35.8 M parameters with the vocabulary of Llama 3 unless --model
names one; the data are those below the folder that REFLECT_EVAL_DATA names unless --data does.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.parts.lazy_scoring import Counting, Seed, lazily, read_seeds
from benchmarks.parts.published_scoring import Published
from tests import llama3
from train.sample import Sample
from train.scoring.ratios import ifd_targets, rifd_targets
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.target import Target

BLOCK = 25  # seeds
DATA = Path("alpaca_cherry_5pct") / "cherry_alpaca_5_percent.jsonl.gz"


def four_targets(key: str, sample: Sample, scorer: Scorer) -> list[Target]:
    """Return y|x, y, x|y and x."""
    parts = (key, sample.instruction, sample.response, scorer.template, sample.input)
    return [*ifd_targets(*parts), *rifd_targets(*parts)]


@dataclass(slots=True)
class Spent:
    """CPU seconds and passes of each way, and how far the two are apart."""

    published_s: float = 0.0
    batched_s: float = 0.0
    lazy_s: float = 0.0
    num_lazy: int = 0
    num_kept: int = 0
    num_compared: int = 0
    num_alone: int = 0
    max_difference: float = 0.0


def measure(published: Published, scorer: Scorer, seeds: Sequence[Seed], spent: Spent) -> None:
    """Score the seeds in the three ways and compare every number that the first two both have."""
    begun = time.process_time()
    samples = [variant for seed in seeds for variant in seed.variants]
    theirs = [value for sample in samples for value in published.score(sample)]
    spent.published_s += time.process_time() - begun
    compare(theirs, scorer, samples, spent)


def compare(
    theirs: Sequence[float], scorer: Scorer, samples: Sequence[Sample], spent: Spent
) -> None:
    """Add the same forwards in batches and how far they are from the published numbers."""
    begun = time.process_time()
    ours = scorer.score([t for sample in samples for t in four_targets("", sample, scorer)])
    spent.batched_s += time.process_time() - begun
    for their, our in zip(theirs, ours, strict=True):
        if math.isnan(their) or our.mean_nll is None:
            spent.num_alone += 1
            continue
        spent.num_compared += 1
        spent.max_difference = max(spent.max_difference, abs(their - our.mean_nll))


def measure_lazy(scorer: Scorer, seeds: Sequence[Seed], spent: Spent) -> None:
    counting = Counting(scorer)
    begun = time.process_time()
    spent.num_kept += sum(lazily(seeds, counting))
    spent.lazy_s += time.process_time() - begun
    spent.num_lazy += counting.num_passes


def table(spent: Spent, num_seeds: int) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| way | CPU s a seed | seeds a CPU s | passes a seed | times the published |",
        "|---|---|---|---|---|",
    ]
    for name, cpu_s, passes in (
        ("published", spent.published_s, 16.0),
        ("ours, the same passes", spent.batched_s, 16.0),
        ("ours, lazy order", spent.lazy_s, spent.num_lazy / num_seeds),
    ):
        lines.append(
            f"| {name} | {cpu_s / num_seeds:.2f} | {num_seeds / cpu_s:.3f} | {passes:.2f} "
            f"| {spent.published_s / cpu_s:.2f} |"
        )
    told = (
        f"{num_seeds} seeds of four samples ({4 * num_seeds} in all), {spent.num_kept} kept; "
        f"{spent.num_compared} numbers of both, the greatest difference of mean nats "
        f"{spent.max_difference:.1e}; {spent.num_alone} that one of them cannot score"
    )
    return "\n".join([*lines, "", told])


def make_model(folder: Path) -> Path:
    """Write a random Llama of 35.8 M parameters whose vocabulary is that of Llama 3."""
    ranks = llama3.ranks_file()
    if ranks is None:
        raise SystemExit("the package llama-models, which holds Llama 3's tokenizer, is missing")
    torch.manual_seed(0)
    config: Any = LlamaConfig(
        vocab_size=128256,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=128000,
        eos_token_id=128001,
        initializer_range=0.05,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    llama3.make_tokenizer(ranks).save(str(folder / "tokenizer.json"), pretty=False)
    return folder


def data() -> Path | None:
    """Return the instruction data below the folder that REFLECT_EVAL_DATA names."""
    below = os.environ.get("REFLECT_EVAL_DATA")
    return Path(below) / DATA if below else None


def main() -> None:
    """Measure blocks of seeds in the three ways."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the student (default: a random one)")
    parser.add_argument("--data", type=Path, default=data(), help="JSON lines as Alpaca's, .gz too")
    parser.add_argument("--seeds", type=int, default=125, help="of four samples (default 125)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default 1)")
    options = parser.parse_args()
    if options.data is None:
        print("skipped: neither --data nor REFLECT_EVAL_DATA names instruction data")
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or make_model(Path(folder))
        settings = Score(model=str(model), mode="faithful", device="cpu")
        scorer, published = Scorer(settings), Published(str(model), settings.max_length)
    seeds, spent = read_seeds(options.data, options.seeds, options.seed), Spent()
    published.score(seeds[0].original)  # both warm
    scorer.score(four_targets("", seeds[0].original, scorer))
    for start in range(0, len(seeds), BLOCK):
        measure(published, scorer, seeds[start : start + BLOCK], spent)
        measure_lazy(scorer, seeds[start : start + BLOCK], spent)
        done = min(start + BLOCK, len(seeds))
        print(f"<!-- {done} seeds\n{table(spent, done)} -->", flush=True)
    print(table(spent, len(seeds)))


if __name__ == "__main__":
    main()
