"""Tokens a second in the real engine, with enforcement and without; vLLM's own means beside it.

    python -m benchmarks.engine_throughput [--streams 1,8,32] [--rounds 5] [--steps 64] [--llama3]

Two engines on the same checkpoint (models/demo; --llama3: random weights, 128,256 ids), each in a
process of its own: one has our logits processor, the other is plain and runs vLLM's structured
outputs (xgrammar). Equal work is an equal number of replies in the same decoding steps, for an
enforced reply ends when it is over: a step counts while all its replies run, from the second token
on, up to the step that it and the plain engine reach. Greedy, the ways in turn, each round in
another order; the median time of a step. Prints tokens a second, and the ratio to the plain engine
in the same round. "listed, not asked for" is what the processor costs those who do not use it; it
also tells how far apart two processes are on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).parent.parent / "models" / "demo"
MAX_MODEL_LEN, PROMPT_TOKENS, ROOM = 512, 16, 400
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["name", "count"],
        "additionalProperties": False,
    },
    "minItems": 16,
    "maxItems": 16,
}
PLAIN, ENFORCED = "plain", "enforced"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to write replies: on which engine, and with what in its sampling parameters."""

    name: str
    engine: str
    params: dict[str, Any]


def ways() -> list[Way]:
    """Return the plain engine first."""
    from benchmarks.parts.formulations import structural_tag
    from decoding.format import ReplyFormat

    limits = {"max_tokens": ROOM, "max_thinking_tokens": ROOM // 2, "min_answer_tokens": 1}
    brief = {**limits, "max_thinking_tokens": 12, "answer": {"json_schema": SCHEMA}}
    return [
        Way("no enforcement", PLAIN, {"ignore_eos": True}),
        Way("enforced", ENFORCED, {"extra_args": {"reflection": limits}}),
        Way("enforced, JSON answer", ENFORCED, {"extra_args": {"reflection": brief}}),
        Way("listed, not asked for", ENFORCED, {"ignore_eos": True}),
        Way("vLLM, structural tag", PLAIN, {"structural_tag": structural_tag(ReplyFormat())}),
        Way("vLLM, JSON", PLAIN, {"json": SCHEMA}),
    ]


def serve(folder: Path, kind: str) -> None:
    """Run an engine: a request a line in, the times of its steps out."""
    from server.engines.vllm_settings import EngineSettings, arguments, set_environment

    set_environment()
    import torch

    settings = EngineSettings(folder, max_model_len=MAX_MODEL_LEN, max_num_seqs=32, max_queue=32)
    args = arguments(settings, is_cpu=not torch.cuda.is_available())
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # its steps are timed in this process
    from vllm import AsyncEngineArgs, LLMEngine

    args |= {
        "skip_tokenizer_init": False,  # vLLM's structured outputs want the tokenizer
        "enable_prefix_caching": False,
        "structured_outputs_config": {"backend": "xgrammar"},
    }
    if kind == ENFORCED:
        args["logits_processors"] = ["decoding.adapters.vllm_v1:Enforcer"]
    engine = LLMEngine.from_engine_args(AsyncEngineArgs(**args))
    print("ready", flush=True)
    for line in sys.stdin:
        print("steps", json.dumps(time_steps(engine, **json.loads(line))), flush=True)


def time_steps(
    engine: Any, streams: int, num_steps: int, seed: int, params: dict[str, Any]
) -> list[float]:
    """Return the seconds of the steps in which every reply got its next token."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    given = dict(params)
    structured = {key: given.pop(key) for key in ("json", "structural_tag") if key in given}
    if structured:
        given["structured_outputs"] = StructuredOutputsParams(**structured)
    for number in range(streams):
        prompt = [10 + (7 * number + 13 * seed + 3 * at) % 90 for at in range(PROMPT_TOKENS)]
        sampling = SamplingParams(temperature=0.0, max_tokens=ROOM, detokenize=False, **given)
        engine.add_request(f"{seed}-{number}", {"prompt_token_ids": prompt}, sampling)
    spent: list[float] = []
    lengths: dict[str, int] = {}
    while len(spent) < num_steps and engine.has_unfinished_requests():
        before = dict(lengths)
        begun = time.perf_counter()
        outputs = engine.step()
        ended = time.perf_counter()
        lengths |= {output.request_id: len(output.outputs[0].token_ids) for output in outputs}
        if len(before) == streams and any(output.finished for output in outputs):
            break
        if len(before) == streams and sum(lengths.values()) == sum(before.values()) + streams:
            spent.append(ended - begun)
    engine.abort_request([f"{seed}-{number}" for number in range(streams)])
    while engine.has_unfinished_requests():
        engine.step()
    return spent


class Engine:
    """An engine in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Take a process that was just started, and wait until it is ready."""
        self._process = process
        self._read("ready")

    def time_steps(self, **request: Any) -> list[float]:
        """Return the seconds of a batch's steps."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        times: list[float] = json.loads(self._read("steps"))
        return times

    def _read(self, word: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line.removeprefix(word)
        raise RuntimeError(f"the engine ended with {self._process.wait()} before it was {word}")


@contextmanager
def running(folder: Path, kind: str) -> Iterator[Engine]:
    """Start an engine; stop it at the end."""
    command = [sys.executable, "-m", __spec__.name, "--engine", kind, "--folder", str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Engine(process)
        finally:
            process.terminate()


def compare(engines: dict[str, Engine], streams: int, rounds: int, num_steps: int) -> None:
    """Print a row a way: tokens a second, and the median over the rounds of the ratio to plain."""
    found = ways()
    spent: dict[str, list[list[float]]] = {way.name: [] for way in found}
    for number in range(rounds + 1):  # the first warms up
        turn = number % len(found)
        for way in found[turn:] + found[:turn]:
            request = {"streams": streams, "num_steps": num_steps, "seed": number}
            times = engines[way.engine].time_steps(**request, params=way.params)
            spent[way.name].append(times)
    for way in found:
        _print_row(streams, way.name, spent[way.name][1:], spent[found[0].name][1:])


def _print_row(streams: int, name: str, spent: list[list[float]], plain: list[list[float]]) -> None:
    counted = min(map(len, spent + plain))
    if not counted:
        print(f"| {streams} | {name} | | | | 0 |")
        return
    steps = [median(times[:counted]) for times in spent]
    ratio = median(median(b[:counted]) / a for a, b in zip(steps, plain, strict=True))
    rate, step_ms = streams / median(steps), median(steps) * 1e3
    print(
        f"| {streams} | {name} | {rate:.0f} | {step_ms:.2f} | {ratio:.3f} | {counted} |", flush=True
    )


def main(argv: list[str] | None = None) -> int:
    """Start the engines, compare, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", default="1,8,32", help="replies at once (default 1,8,32)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds counted (default 5)")
    parser.add_argument("--steps", type=int, default=64, help="most steps of a round (default 64)")
    parser.add_argument("--llama3", action="store_true", help="random weights, 128,256 ids")
    parser.add_argument("--engine", choices=(PLAIN, ENFORCED), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.engine:
        serve(options.folder, options.engine)
        return 0
    with TemporaryDirectory() as scratch:
        folder = options.folder
        if options.llama3:
            folder = _random_llama3(Path(scratch) / "llama3")
        print("| streams | way | tokens/s | ms a step | tokens/s, of the plain | steps |")
        print("| ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
        with running(folder, PLAIN) as plain, running(folder, ENFORCED) as enforced:
            for streams in map(int, options.streams.split(",")):
                engines = {PLAIN: plain, ENFORCED: enforced}
                compare(engines, streams, options.rounds, options.steps)
    return 0


def _random_llama3(folder: Path) -> Path:
    from tests.llama3 import make_model_folder, ranks_file

    ranks = ranks_file()
    if ranks is None:
        raise SystemExit("the package llama-models with Llama 3's ranks is missing")
    return make_model_folder(folder, ranks).folder


if __name__ == "__main__":
    raise SystemExit(main())
