"""One step of a batch on a GPU: masks from the host, copied, against the device's own.

    python -m benchmarks.decoding_gpu [--batches 1,8,64,256,512] [--steps 50]

Needs torch and numpy only (and Triton for the kernels): the vocabulary is synthetic, of Llama 3's
size. The host's way fetches the tokens that were drawn, advances a BatchMatcher, copies a mask a
row and applies it, once as packed bits and once as classes; the device's way is DeviceMatcher, with
its Triton kernels and in plain tensors. Prints microseconds a step (CUDA events, medians; idle time
of the device counts), and whether the logits equal the host's masks at every step. Without a GPU it
only checks that, on the CPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.parts.synthetic import STOP_TOKEN_IDS, draw_budgets, draw_tokens, make_vocabulary
from decoding.adapters.device_matcher import DeviceMatcher, Replies, Step
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.format import ReplyFormat
from decoding.masks import Mask

WORD_BITS = 32
Act = Callable[[int], None]
"""Given the number of tokens committed, mask the logits of the next."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What every way works on: logits that it masks in place, and the tokens as they come.

    token_ids: (rows, steps) int32 on the device; logits: (rows, vocab) float32
    """

    automaton: Automaton
    budgets: list[Budget]
    token_ids: torch.Tensor
    logits: torch.Tensor

    @property
    def device(self) -> torch.device:
        """Where the logits are."""
        return self.logits.device


class HostMasks:
    """The host's way up to the mask of each row."""

    def __init__(self, batch: Batch) -> None:
        """Start the replies."""
        self._matcher = BatchMatcher(batch.automaton, len(batch.budgets))
        self._rows = np.arange(len(batch.budgets))
        self._token_ids = batch.token_ids
        for row, budget in enumerate(batch.budgets):
            self._matcher.set(row, budget)

    def find(self, committed: int) -> list[Mask]:
        """Fetch the last tokens, which waits for the device, and return the masks after them."""
        if committed:
            token_ids = self._token_ids[:, committed - 1].cpu().numpy()
            self._matcher.accept(self._rows, token_ids)
        return self._matcher.find_masks(self._rows)


def host_bits(batch: Batch) -> Act:
    """Return the host's way with a packed bit a token: rows of 16 KB are copied."""
    host = HostMasks(batch)
    rows, vocab = batch.logits.shape
    num_words = -(-vocab // WORD_BITS)
    staged = _pinned((rows, num_words), torch.int32, batch.device)
    shifts = torch.arange(WORD_BITS, device=batch.device, dtype=torch.int32)
    packed: dict[Mask, torch.Tensor] = {}

    def act(committed: int) -> None:
        for row, mask in enumerate(host.find(committed)):
            if mask not in packed:
                packed[mask] = _packed(mask, num_words)
            staged[row] = packed[mask]
        words = staged.to(batch.device, non_blocking=True)
        is_illegal = ((words[:, :, None] >> shifts) & 1).view(rows, -1)[:, :vocab] == 0
        batch.logits.masked_fill_(is_illegal, -torch.inf)

    return act


def _packed(mask: Mask, num_words: int) -> torch.Tensor:
    bits = np.packbits(mask.tokens, bitorder="little")
    return torch.from_numpy(np.pad(bits, (0, 4 * num_words - len(bits))).view(np.int32))


def host_classes(batch: Batch) -> Act:
    """Return the host's way with a byte a class, spread over the vocabulary on the device."""
    host = HostMasks(batch)
    rows, _ = batch.logits.shape
    staged = _pinned((rows, batch.automaton.num_classes), torch.bool, batch.device)
    classes = torch.from_numpy(batch.automaton.classes).to(batch.device)

    def act(committed: int) -> None:
        for row, mask in enumerate(host.find(committed)):
            staged[row] = torch.from_numpy(mask.classes)
        legal = staged.to(batch.device, non_blocking=True)
        batch.logits.masked_fill_(~legal.index_select(1, classes), -torch.inf)

    return act


def _pinned(shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype, pin_memory=device.type == "cuda")


def on_device(batch: Batch, *, has_kernels: bool) -> Act:
    """Return the device's way: nothing comes from the host but the launches."""
    matcher = DeviceMatcher(batch.automaton, batch.device)
    matcher.has_kernels = has_kernels

    def table(values: object) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.int32, device=batch.device)

    rows = len(batch.budgets)
    replies = Replies(
        cursors=table([matcher.cursor(budget) for budget in batch.budgets]),
        scanned=table([0] * rows),
        token_ids=batch.token_ids,
        total=table([0] * rows),
    )
    requests, offsets = table(range(rows)), table([0] * rows)

    def act(committed: int) -> None:
        replies.total.fill_(committed)
        last = batch.token_ids[:, max(committed - 1, 0)].contiguous()
        step = Step(requests, offsets, last, num_behind=min(committed, 1), num_drafts=0)
        matcher.enforce(batch.logits, replies, step)

    return act


WAYS: dict[str, Callable[[Batch], Act]] = {
    "host, bits": host_bits,
    "host, classes": host_classes,
    "device, kernels": lambda batch: on_device(batch, has_kernels=True),
    "device, tensors": lambda batch: on_device(batch, has_kernels=False),
}


def is_equal(batch: Batch, way: Callable[[Batch], Act], num_steps: int) -> bool:
    """Whether the finite logits are the tokens that the host's masks allow, at every step."""
    host, act = HostMasks(batch), way(batch)
    for committed in range(num_steps):
        batch.logits.zero_()
        act(committed)
        for row, mask in enumerate(host.find(committed)):
            legal = torch.from_numpy(mask.tokens)
            if not torch.equal(torch.isfinite(batch.logits[row]).cpu(), legal):
                return False
    return True


def step_us(batch: Batch, acts: list[Act], num_steps: int) -> list[float]:
    """Return the median microseconds of a step of each way, the ways in turn at every step."""
    spent = np.zeros((len(acts), num_steps))
    for committed in range(num_steps):
        for number, act in enumerate(acts):
            batch.logits.zero_()
            begun, ended = _event(), _event()
            torch.cuda.synchronize()
            begun.record()
            act(committed)
            ended.record()
            torch.cuda.synchronize()
            spent[number, committed] = begun.elapsed_time(ended) * 1e3
    return [float(value) for value in np.median(spent[:, num_steps // 5 :], axis=1)]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def make_batch(automaton: Automaton, rows: int, num_steps: int, device: torch.device) -> Batch:
    """Return replies with budgets, half of them tight, and legal tokens that come."""
    budgets = draw_budgets(rows)
    token_ids = torch.from_numpy(draw_tokens(automaton, budgets, num_steps)).to(device)
    logits = torch.zeros((rows, automaton.vocab_size), device=device)
    return Batch(automaton, budgets, token_ids, logits)


def main(argv: list[str] | None = None) -> int:
    """Print a row a batch size; end with 1 if some way differs from the host's masks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", default="", help="rows (default 1,8,64,256,512; CPU: 1,4)")
    parser.add_argument("--steps", type=int, default=50, help="steps of a batch (default 50)")
    options = parser.parse_args(argv)
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    batches = options.batches or ("1,8,64,256,512" if has_gpu else "1,4")
    automaton = Automaton.build(ReplyFormat(), make_vocabulary(), STOP_TOKEN_IDS)
    ways = dict(WAYS)
    if not DeviceMatcher(automaton, device).has_kernels:
        del ways["device, kernels"]
    name = torch.cuda.get_device_name() if has_gpu else "no GPU: equality only, timings need one"
    print(f"{name}; torch {torch.__version__}; {automaton.vocab_size} ids, {options.steps} steps\n")
    print(f"| rows | {' | '.join(f'{way}, µs' for way in ways)} | differs from the host's masks |")
    print("| ---: |" + " ---: |" * len(ways) + " --- |")
    is_all_equal = True
    for rows in map(int, batches.split(",")):
        batch = make_batch(automaton, rows, options.steps, device)
        differs = [way for way in ways if not is_equal(batch, ways[way], options.steps)]
        acts = [make(batch) for make in ways.values()]
        times = step_us(batch, acts, options.steps) if has_gpu else []
        cells = [f"{time:.0f}" for time in times] or ["-"] * len(ways)
        print(f"| {rows} | {' | '.join(cells)} | {', '.join(differs) or 'none'} |", flush=True)
        is_all_equal &= not differs
    return int(not is_all_equal)


if __name__ == "__main__":
    raise SystemExit(main())
