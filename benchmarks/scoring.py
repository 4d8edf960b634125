"""What the scores of a recycled sample cost: the published way against ours.

    OMP_NUM_THREADS=1 python -m benchmarks.scoring --model FOLDER --data FILE [--seeds 125]

A seed sample has four variants (original, new instruction, new response, both), made of other rows
of the real data. The published way scores each by itself: four forwards with the loss over all
positions and the whole vocabulary, and the hidden states of all layers: 16 forwards a seed. This
file holds it as a re-implementation that shares nothing with ours, from text to number. Ours is
measured twice: the same 16 forwards in batches, and the lazy order, which computes what the
selection asks for (all seeds together, in four phases). CPU time of one thread; the two ways in
turn, a block of seeds each, so that a busy machine slows both. Prints Markdown.

`--make-model FOLDER` writes a random Llama of 35.8 M parameters with the vocabulary of Llama 3.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from tests import llama3
from train.sample import Sample
from train.scoring.ratios import GUESS, ifd_targets, ratio, rifd_targets
from train.scoring.scorer import Scorer
from train.scoring.settings import Score
from train.scoring.target import Likelihood, Target
from train.scoring.templates import VICUNA
from train.settings import Source
from train.sources import read_rows

BLOCK = 25  # seeds
Pair = tuple[Target, Target]


@dataclass(frozen=True, slots=True)
class Seed:
    """The texts of a seed sample: what it is, and what a teacher would make of it."""

    original: Sample
    new: Sample
    responses: tuple[str, str]  # the better ones, to the original and to the new instruction

    @property
    def variants(self) -> tuple[Sample, ...]:
        """The four that the published scripts score."""
        first, second = self.original, self.new
        return (
            first,
            second,
            Sample(first.instruction, self.responses[0], first.input),
            Sample(second.instruction, self.responses[1], second.input),
        )


class Published:
    """One sample at a time, four forwards, loss over all positions and the whole vocabulary."""

    def __init__(self, folder: str, max_length: int) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._max_length = max_length

    def score(self, sample: Sample) -> tuple[float, float, float, float]:
        """Return the mean nats of y|x, y, x|y and x; NaN where nothing is left of the target."""
        question = sample.instruction + sample.input  # glued, as published
        forward = f"{VICUNA} USER: {question} ASSISTANT:"
        request = GUESS.replace("{response}", sample.response)
        reverse = f"{VICUNA} USER: {request} ASSISTANT:"
        return (
            *self._both(forward, sample.response),
            *self._both(reverse, question),
        )

    def _both(self, prompt: str, target: str) -> tuple[float, float]:
        room = self._max_length - len(self._encode(prompt, self._max_length)) + 1
        whole = prompt + target
        start = len(self._encode(whole[: whole.rfind(target)], None))
        return self._loss(whole, self._max_length, start), self._loss(target, room, 0)

    def _loss(self, text: str, max_length: int, start: int) -> float:
        ids = torch.tensor([self._encode(text, max_length)])
        labels = ids.clone()
        labels[0, :start] = -100
        with torch.no_grad():
            loss = self._model(input_ids=ids, labels=labels, output_hidden_states=True).loss
        return float(loss)

    def _encode(self, text: str, max_length: int | None) -> list[int]:
        bos = self._model.config.bos_token_id
        ids = [bos, *self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
        return ids[:max_length]


def four_targets(key: str, sample: Sample, scorer: Scorer) -> list[Target]:
    """Return y|x, y, x|y and x."""
    parts = (key, sample.instruction, sample.response, scorer.template, sample.input)
    return [*ifd_targets(*parts), *rifd_targets(*parts)]


class Counting:
    """A scorer that counts what it is asked for."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.num_passes = 0

    def ratios(self, pairs: Sequence[Pair]) -> list[float]:
        """Return ppl(target | context) / ppl(target) of each; infinite where it has none."""
        found = self.score([target for pair in pairs for target in pair])
        both = zip(found[::2], found[1::2], strict=True)
        return [value if (value := ratio(*two)) is not None else math.inf for two in both]

    def score(self, targets: Sequence[Target]) -> list[Likelihood]:
        self.num_passes += len(targets)
        return self.scorer.score(targets)


def lazily(seeds: Sequence[Seed], counting: Counting) -> list[bool]:
    """Return whether each seed is kept, computing no more than that takes (spec 1.3)."""
    template = counting.scorer.template

    def ifd(sample: Sample, response: str) -> Pair:
        return ifd_targets("", sample.instruction, response, template, sample.input)

    def reversed_ifd(sample: Sample, response: str) -> Pair:
        return rifd_targets("", sample.instruction, response, template, sample.input)

    first = counting.ratios([ifd(seed.original, seed.original.response) for seed in seeds])
    second = counting.ratios([ifd(seed.new, seed.new.response) for seed in seeds])
    chosen = [
        (seed.new, seed.responses[1]) if new > old else (seed.original, seed.responses[0])
        for seed, old, new in zip(seeds, first, second, strict=True)
    ]
    before = [reversed_ifd(sample, sample.response) for sample, _ in chosen]
    after = [reversed_ifd(sample, better) for sample, better in chosen]
    old = counting.score([under for under, _ in before])
    new = counting.score([under for under, _ in after])
    won = [
        at
        for at, (one, other) in enumerate(zip(old, new, strict=True))
        if (other.mean_nll or math.inf) < (one.mean_nll or math.inf)
    ]
    alone = counting.score([after[at][1] for at in won])
    left = [
        at
        for at, likelihood in zip(won, alone, strict=True)
        if (value := ratio(new[at], likelihood)) is not None and value < 1
    ]
    last = counting.ratios([ifd(*chosen[at]) for at in left])
    kept = {at for at, value in zip(left, last, strict=True) if value < 1}
    return [at in kept for at in range(len(seeds))]


def read_seeds(file: Path, num_seeds: int, seed: int) -> list[Seed]:
    """Draw seeds, four rows of the data for each; rows without a response are left out."""
    rows = read_rows(Source("alpaca", file))
    samples = [row for row in rows if isinstance(row, Sample)]
    drawn = random.Random(seed).sample(samples, 4 * num_seeds)
    return [
        Seed(one, two, (three.response, four.response))
        for one, two, three, four in (drawn[at : at + 4] for at in range(0, len(drawn), 4))
    ]


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


def make_model(folder: Path) -> None:
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the student")
    parser.add_argument("--make-model", action="store_true", help="write that folder first")
    parser.add_argument("--data", type=Path, required=True, help="JSON lines as Alpaca's, .gz too")
    parser.add_argument("--seeds", type=int, default=125, help="of four samples each")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.make_model:
        make_model(options.model)
    settings = Score(model=str(options.model), mode="faithful", device="cpu")
    scorer, published = Scorer(settings), Published(str(options.model), settings.max_length)
    seeds, spent = read_seeds(options.data, options.seeds, options.seed), Spent()
    published.score(seeds[0].original)  # both warm
    scorer.score(four_targets("", seeds[0].original, scorer))
    for start in range(0, len(seeds), BLOCK):
        measure(published, scorer, seeds[start : start + BLOCK], spent)
        measure_lazy(scorer, seeds[start : start + BLOCK], spent)
        print(
            f"<!-- {start + BLOCK} seeds\n{table(spent, min(start + BLOCK, len(seeds)))} -->",
            flush=True,
        )
    print(table(spent, len(seeds)))


if __name__ == "__main__":
    main()
