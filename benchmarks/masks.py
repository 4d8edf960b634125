"""What a token of a reply costs: the automaton against each peer in each of its formulations.

    python -m benchmarks.masks [--repeats 5] [--steps 60] [--batches 64,256] [--slow]

The same replies in the Llama 3 vocabulary (128,256 ids), on one core, in one run, the contenders in
turn: a reply each, or ten steps of a batch each. A step of one reply takes its token and finds the
next mask; a step of a batch does so for replies that stand at different places. The first reply
after the compilation fills what a contender computes lazily, and has a column of its own; a batch
has 30 steps to warm up. The automaton enforces token budgets throughout, which no peer does. CPU
time of the process. --slow adds the peers' look-ahead-free regex, which takes a minute and a
gigabyte to compile. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import torch
import xgrammar

from benchmarks.parts.contenders import BUDGET, Contender, apply_masks, load_s, ours, theirs
from benchmarks.parts.peers import peers, schema_peers
from benchmarks.parts.traces import SCHEMA, Traces, load_traces
from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary
from tests.llama3 import STOP_TOKEN_IDS

STAGGER, WARM_UP, BLOCK = 7, 30, 10
PACKAGES = ("xgrammar", "llguidance", "outlines_core", "torch", "numpy")
Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    repeats: int
    steps: int
    batches: tuple[int, ...]
    is_slow: bool


def alone(contenders: Sequence[Contender], trace: Sequence[int], repeats: int) -> list[Times]:
    """Return the microseconds of every token of one reply, (repeats, tokens) a contender."""
    spent = [np.zeros((repeats, len(trace))) for _ in contenders]
    for repeat in range(repeats):
        for contender, times in zip(contenders, spent, strict=True):
            step = contender.start([[]])
            for at, token_id in enumerate(trace):
                begun = time.thread_time_ns()
                step([token_id])
                times[repeat, at] = (time.thread_time_ns() - begun) / 1e3
    return spent


def together(
    contenders: Sequence[Contender],
    trace: Sequence[int],
    offsets: Sequence[int],
    num_steps: int,
) -> list[Times]:
    """Return the microseconds of every step of a batch, (steps,) a contender, once it is warm."""
    steps = [contender.start([trace[:offset] for offset in offsets]) for contender in contenders]
    spent = [np.zeros(WARM_UP + num_steps) for _ in contenders]
    for block in range(0, WARM_UP + num_steps, BLOCK):
        for step, times in zip(steps, spent, strict=True):
            for at in range(block, min(block + BLOCK, WARM_UP + num_steps)):
                token_ids = [trace[offset + at] for offset in offsets]
                begun = time.process_time_ns()
                step(token_ids)
                times[at] = (time.process_time_ns() - begun) / 1e3
    return [times[WARM_UP:] for times in spent]


def staggered(trace: Sequence[int], batch: int, num_steps: int, first: int = 0) -> list[int]:
    """Return where in the trace the replies of a batch stand, from `first` on."""
    return [
        first + row * STAGGER % (len(trace) - WARM_UP - num_steps - first) for row in range(batch)
    ]


def applied(
    automaton: Automaton, trace: Sequence[int], offsets: Sequence[int], num_steps: int
) -> tuple[Times, Times]:
    """Return the microseconds to apply the masks of a batch: our lists, xgrammar's kernel."""
    matcher, rows = BatchMatcher(automaton, len(offsets)), np.arange(len(offsets))
    for row, offset in enumerate(offsets):
        matcher.set(row, BUDGET, trace[:offset])
    logits = torch.zeros((len(offsets), automaton.vocab_size))
    spent = np.zeros((2, num_steps))
    for at in range(num_steps):
        masks = matcher.find_masks(rows)
        bits = np.stack([np.packbits(mask.tokens, bitorder="little") for mask in masks])
        bitmask = torch.from_numpy(bits.view(np.int32))
        ways = [
            lambda: apply_masks(logits, masks),  # noqa: B023
            lambda: xgrammar.apply_token_bitmask_inplace(logits, bitmask),  # noqa: B023
        ]
        for way in (0, 1) if at % 2 else (1, 0):
            logits.zero_()
            begun = time.process_time_ns()
            ways[way]()
            spent[way, at] = (time.process_time_ns() - begun) / 1e3
        matcher.accept(rows, np.array([trace[offset + at] for offset in offsets]))
    return spent[0], spent[1]


def measure(
    contenders: Sequence[Contender], trace: Sequence[int], options: Options, first: int = 0
) -> None:
    """Print one row a contender: what the tokens of the trace cost from `first` on."""
    singles = alone(contenders, trace, 1 + options.repeats)
    columns = []
    for batch in options.batches:
        offsets = staggered(trace, batch, options.steps, first)
        columns.append(together(contenders, trace, offsets, options.steps))
    heads = ["", "compile, CPU s", "tables, MiB", "one reply, µs", "p99, µs", "first reply, ms"]
    _print_row([*heads, *(f"{batch} replies, ms" for batch in options.batches)])
    _print_row(["---", *["---:"] * (5 + len(columns))])
    for at, contender in enumerate(contenders):
        cold, times = singles[at][0, first:], singles[at][1:, first:]
        size = contender.size_bytes
        cells = [
            contender.name,
            f"{contender.compile_s:.3f}",
            "" if size is None else f"{size / 2**20:.2f}",
            f"{np.median(times):.1f}",
            f"{np.percentile(times, 99):.1f}",
            f"{cold.sum() / 1e3:.1f}",
        ]
        _print_row([*cells, *(f"{np.median(column[at]) / 1e3:.3f}" for column in columns)])


def measure_free_answer(traces: Traces, options: Options) -> Contender:
    """Print the table of replies whose answer is free text; return our part in it."""
    form, vocabulary = ReplyFormat(), traces.vocabulary
    mine, automaton = ours(
        "ours",
        lambda: Automaton.build(form, Vocabulary(vocabulary.token_bytes), STOP_TOKEN_IDS),
    )
    makers = peers(vocabulary, STOP_TOKEN_IDS, form, has_slow=options.is_slow)
    print(f"\n### A reply of {len(traces.text)} tokens\n")
    measure([mine, *theirs(makers, vocabulary.size)], traces.text, options)
    print(f"\n{_size(automaton)}; loaded from its file in {load_s(automaton) * 1e3:.1f} ms")
    print("\n### Masks applied to float32 logits\n")
    _print_row(["replies", "ours, µs", "xgrammar's kernel, µs", "ours / xgrammar"])
    _print_row(["---:"] * 4)
    for batch in (1, *options.batches):
        offsets = staggered(traces.text, batch, options.steps)
        times = applied(automaton, traces.text, offsets, options.steps)
        lists, kernel = (float(np.median(part)) for part in times)
        _print_row([f"{batch}", f"{lists:.0f}", f"{kernel:.0f}", f"{lists / kernel:.2f}"])
    return replace(mine, name="ours, free answer")


def measure_json_answer(traces: Traces, options: Options) -> None:
    """Print the table of the tokens of an answer to a JSON schema."""
    form, vocabulary = ReplyFormat(), traces.vocabulary
    constraint = AnswerConstraint.json_schema(SCHEMA)
    mine, automaton = ours(
        "ours",
        lambda: Automaton.build(form, vocabulary, STOP_TOKEN_IDS, answer=constraint.compile()),
    )
    makers = schema_peers(vocabulary, STOP_TOKEN_IDS, form, json.dumps(SCHEMA))
    first = _answer_at(vocabulary, traces.json)
    print(f"\n### The {len(traces.json) - first} tokens of an answer to a JSON schema\n")
    measure([mine, *theirs(makers, vocabulary.size)], traces.json, options, first)
    print(f"\n{_size(automaton)}")


def measure_text_answer(traces: Traces, mine: Contender, options: Options) -> None:
    """Print the same for a free answer of ours."""
    first = _answer_at(traces.vocabulary, traces.text)
    print(f"\n### The {len(traces.text) - first} tokens of a free answer, for comparison\n")
    measure([mine], traces.text, options, first)


def _answer_at(vocabulary: Vocabulary, trace: Sequence[int]) -> int:
    """Return the position of the first token after the one that opens the output."""
    opened = (at for at in range(len(trace)) if b"<output>" in vocabulary.decode(trace[: at + 1]))
    return next(opened) + 1


def _print_row(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |")


def _size(automaton: Automaton) -> str:
    return f"{automaton.num_states} states, {automaton.num_classes} classes"


def _clock_us() -> float:
    times = [time.thread_time_ns() for _ in range(2001)]
    return float(np.median(np.diff(times))) / 1e3


def main(argv: list[str] | None = None) -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repeats", type=int, default=5, help="replies alone after the first (default 5)"
    )
    parser.add_argument("--steps", type=int, default=60, help="steps of a batch (default 60)")
    parser.add_argument("--batches", default="64,256", help="replies at once (default 64,256)")
    parser.add_argument("--slow", action="store_true", help="with the peers' plain regex")
    given = parser.parse_args(argv)
    batches = tuple(map(int, filter(None, given.batches.split(","))))
    options = Options(given.repeats, given.steps, batches, given.slow)
    torch.set_num_threads(1)
    traces = load_traces()
    if traces is None:
        print("masks: skipped, the package llama-models with Llama 3's ranks is missing")
        return 0
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(
        f"{packages}; {traces.vocabulary.size} ids; {options.repeats} replies alone, "
        f"{options.steps} steps of a batch, medians; reading the clock takes {_clock_us():.1f} µs, "
        "not taken off"
    )
    mine = measure_free_answer(traces, options)
    measure_json_answer(traces, options)
    measure_text_answer(traces, mine, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
