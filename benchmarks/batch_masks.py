"""One decoding step of a batch: advance every reply, find its mask, apply it; ours and xgrammar.

    python -m benchmarks.batch_masks [--steps 100]

The same trace of tokens, staggered over the rows, in the Llama 3 vocabulary (128,256 ids), on one
core, in one run, the two in turn. xgrammar runs its structural tag for the same format with its
own batch matcher and its own kernel to apply the mask; it enforces no budget, ours does.
Prints CPU microseconds a step, as medians, and the ratio xgrammar / ours.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from tempfile import TemporaryDirectory

import numpy as np
import torch
import xgrammar

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import ReplyFormat, Section
from decoding.matcher import BatchMatcher
from decoding.vocabulary import Vocabulary
from tests.llama3 import STOP_TOKEN_IDS, make_tokenizer, ranks_file

STAGGER = 7
SENTENCE = "If 3 < 4, then twelve pens at 2 dollars each cost 24 dollars, so she keeps the change. "
TRACE = (
    f"<thinking>\n{SENTENCE * 12}<reflection>Wait, {SENTENCE * 3}</reflection>\n{SENTENCE * 6}"
    f"</thinking>\n<output>{SENTENCE * 6}</output>"
)
Step = Callable[[list[int]], None]


def structural_tag(format: ReplyFormat) -> str:
    """Return xgrammar's closest form: tags whose text excludes the other tags."""
    text = xgrammar.structural_tag.AnyTextFormat(excludes=list(format.tags))
    tag = xgrammar.structural_tag.TagFormat

    def section(kind: Section, content: object) -> object:
        return tag(begin=format.open(kind), content=content, end=format.close(kind))

    reflection = section(Section.REFLECTION, text)
    thinking = section(
        Section.THINKING,
        xgrammar.structural_tag.TriggeredTagsFormat(
            triggers=[format.open(Section.REFLECTION)],
            tags=[reflection],
            excludes=[t for t in format.tags if t != format.open(Section.REFLECTION)],
        ),
    )
    blank = xgrammar.structural_tag.RegexFormat(pattern=r"[ \t\r\n]{0,8}")
    sequence = xgrammar.structural_tag.SequenceFormat
    blocks = xgrammar.structural_tag.PlusFormat(content=sequence(elements=[thinking, blank]))
    whole = sequence(elements=[blocks, section(Section.OUTPUT, text)])
    return str(xgrammar.StructuralTag(format=whole).model_dump_json())


def ours(automaton: Automaton, logits: torch.Tensor, offsets: list[int], trace: list[int]) -> Step:
    """Return our step; masks are applied by the shorter of their two lists, as in the adapter."""
    matcher = BatchMatcher(automaton, len(offsets))
    budget = Budget(max_tokens=4096, max_thinking_tokens=2048, max_reflections=4)
    for row, offset in enumerate(offsets):
        matcher.set(row, budget, trace[:offset])
    rows = np.arange(len(offsets))
    lists: dict[int, torch.Tensor] = {}

    def step(token_ids: list[int]) -> None:
        matcher.accept(rows, np.array(token_ids))
        masks = matcher.find_masks(rows)
        for number in np.unique(masks):
            mask = matcher.masks.rows[number]
            if number not in lists:
                lists[number] = torch.from_numpy(mask.token_ids)
            at = torch.from_numpy(rows[masks == number])
            if mask.is_keep:
                kept = logits[at[:, None], lists[number]]
                logits.index_fill_(0, at, -torch.inf)
                logits[at[:, None], lists[number]] = kept
            else:
                logits[at[:, None], lists[number]] = -torch.inf

    return step


def theirs(
    grammar: xgrammar.CompiledGrammar, logits: torch.Tensor, offsets: list[int], trace: list[int]
) -> Step:
    """Return xgrammar's step: accept, fill the bitmask, apply it."""
    matchers = [xgrammar.GrammarMatcher(grammar) for _ in offsets]
    for matcher, offset in zip(matchers, offsets, strict=True):
        assert all(matcher.accept_token(token) for token in trace[:offset])
    batch = xgrammar.BatchGrammarMatcher(max_threads=1)
    bitmask = xgrammar.allocate_token_bitmask(len(offsets), logits.shape[1])

    def step(token_ids: list[int]) -> None:
        assert all(batch.batch_accept_token(matchers, token_ids))
        batch.batch_fill_next_token_bitmask(matchers, bitmask)
        xgrammar.apply_token_bitmask_inplace(logits, bitmask)

    return step


def main(argv: list[str] | None = None) -> int:
    """Run the comparison and print one line a batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--steps", type=int, default=100, help="decoding steps counted (default 100)"
    )
    num_steps = parser.parse_args(argv).steps
    ranks = ranks_file()
    if ranks is None:
        print("batch_masks: skipped, the package llama-models with Llama 3's ranks is missing")
        return 0
    torch.set_num_threads(1)
    tokenizer = make_tokenizer(ranks)
    trace = tokenizer.encode(TRACE).ids
    with TemporaryDirectory() as folder:
        tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
        vocabulary = Vocabulary.load(folder)
    automaton = Automaton.build(ReplyFormat(), vocabulary, STOP_TOKEN_IDS)
    compiler = xgrammar.GrammarCompiler(
        xgrammar.TokenizerInfo(
            [text or b"" for text in vocabulary.token_bytes],
            vocab_type=xgrammar.VocabType.RAW,
            stop_token_ids=list(STOP_TOKEN_IDS),
        ),
        max_threads=1,
    )
    grammar = compiler.compile_structural_tag(structural_tag(ReplyFormat()))
    print(f"trace of {len(trace)} tokens, {vocabulary.size} ids, xgrammar {version('xgrammar')}")
    for batch in (1, 64, 256):
        _compare(automaton, grammar, trace, batch, num_steps)
    return 0


def _compare(
    automaton: Automaton,
    grammar: xgrammar.CompiledGrammar,
    trace: list[int],
    batch: int,
    num_steps: int,
) -> None:
    num_offsets = len(trace) - num_steps
    offsets = [(row * STAGGER) % num_offsets for row in range(batch)]
    logits = torch.zeros((batch, automaton.vocab_size))
    steps = [ours(automaton, logits, offsets, trace), theirs(grammar, logits, offsets, trace)]
    seconds: list[list[float]] = [[], []]
    for at in range(num_steps):
        token_ids = [trace[offset + at] for offset in offsets]
        for step, spent in zip(steps, seconds, strict=True):
            start = time.thread_time()
            step(token_ids)
            spent.append(time.thread_time() - start)
    mine, peer = (statistics.median(spent) * 1e6 for spent in seconds)
    print(f"batch {batch:4}: ours {mine:9.1f} us, xgrammar {peer:9.1f} us, ratio {peer / mine:.2f}")


if __name__ == "__main__":
    raise SystemExit(main())
