"""Replies of random weights under random formats, budgets, constraints and temperatures, judged.

    python -m benchmarks.random_replies [--replies 10000] [--seed 1]

Llama 3's vocabulary; the weights of a small network, drawn anew for each batch, choose among the
legal tokens, and only the masks hold them back. The judges share no code with the automaton: a
regular expression for the format, json and jsonschema for the answers, re for patterns. Prints how
many replies are whole and right, with Wilson's interval, and the wrong ones.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from jsonschema.protocols import Validator

from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.batch_matcher import BatchMatcher
from decoding.budget import Budget
from decoding.format import ReplyFormat
from decoding.head import Head, lift_head
from decoding.masks import Mask
from decoding.vocabulary import Vocabulary
from tests.decoding.judge import is_visible
from tests.decoding.schemas.json_corpus import read_cases
from tests.llama3 import STOP_TOKEN_IDS, make_tokenizer, ranks_file
from train.small.intervals import share

BATCH, HIDDEN, MAX_SCORED = 25, 16, 1000
FORMATS = (
    ReplyFormat(),
    ReplyFormat(text_guard="closing", max_blank=0),
    ReplyFormat(is_thinking_optional=True),
    ReplyFormat("think", "thinking", "final.answer", text_guard="closing"),
)
PATTERNS = (r"[0-2]\d:[0-5]\d", r"(yes|no)(, (really|surely))*", r"[\w.]{2,12}@\w{2,9}\.(org|net)")
CHOICES = (
    ["positive", "negative", "neutral"],
    ["<output>", "</thinking>", "{}"],
    ["é", "東京", "🙂"],
)

Judge = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """What an answer must be, and who tells whether it is."""

    name: str
    constraint: AnswerConstraint | None
    is_right: Judge


def cases() -> list[Case]:
    """Return the free answer, patterns, choices, any object, and every schema of the corpus."""
    found = [
        Case("free", None, lambda answer: any(map(is_visible, answer))),
        Case("object", AnswerConstraint.json_object(), _is_object),
    ]
    for pattern in PATTERNS:
        whole = re.compile(pattern)
        judge = lambda answer, whole=whole: bool(whole.fullmatch(answer))  # noqa: E731
        found.append(Case("regex", AnswerConstraint.regex(pattern), judge))
    for words in CHOICES:
        judge = lambda answer, words=words: answer in words  # noqa: E731
        found.append(Case("choice", AnswerConstraint.choice(words), judge))
    for entry in read_cases():
        constraint = AnswerConstraint.json_schema(entry.schema)
        found.append(Case("schema", constraint, _valid(entry.validator)))
    return found


def _is_object(answer: str) -> bool:
    return isinstance(json.loads(answer), dict)


def _valid(validator: Validator) -> Judge:
    return lambda answer: validator.is_valid(json.loads(answer))


def answer_of(reply: str, format: ReplyFormat) -> str | None:
    """Return the answer of a well-formed reply, None of any other; by regular expressions."""
    t, r, o = (re.escape(name) for name in (format.thinking, format.reflection, format.output))
    if format.text_guard == "all":
        plain = guarded = rf"(?:(?!</?(?:{t}|{r}|{o})>).)*"
    else:
        plain, guarded = rf"(?:(?!</{t}>|<{r}>).)*", rf"(?:(?!</{r}>).)*"
    thought = (
        rf"<{t}>{plain}(?:<{r}>{guarded}</{r}>{plain})*</{t}>[ \t\r\n]{{0,{format.max_blank}}}"
    )
    count = "*" if format.is_thinking_optional else "+"
    match = re.fullmatch(rf"(?:{thought}){count}<{o}>((?:(?!</{o}>).)*)</{o}>", reply, re.DOTALL)
    return None if match is None else re.sub(r"\A\r?\n|\r?\n\Z", "", match.group(1))


def random_budget(rng: random.Random, automaton: Automaton) -> Budget:
    """Draw a budget from the least that is accepted up."""
    need = rng.choice([0, 0, 1, 3])
    spare = rng.choice([0, 1, 3, 10, 40, 120])
    budget = Budget(
        max_tokens=automaton.least_tokens(need) + spare,
        max_thinking_tokens=automaton.least_thinking_tokens(need) + rng.choice([0, 2, 20, 60]),
        min_reflections=need,
        max_reflections=need + rng.choice([0, 1, 4]),
        soft_tokens=rng.choice([0, 8]),
    )
    budget.check(automaton)
    return budget


def replies(
    automaton: Automaton, budgets: list[Budget], seed: int
) -> Iterator[tuple[Budget, list[int]]]:
    """Let fresh random weights write one reply a budget, all in one batch."""
    draw = np.random.default_rng(seed)
    embedding = draw.standard_normal((automaton.vocab_size, HIDDEN), np.float32)
    matrix = draw.standard_normal((HIDDEN, HIDDEN), np.float32)
    temperatures = draw.choice([0.3, 1.0, 2.0, 8.0], len(budgets))
    matcher = BatchMatcher(automaton, len(budgets))
    hidden = np.zeros((len(budgets), HIDDEN), np.float32)
    written: list[list[int]] = [[] for _ in budgets]
    legal: dict[Mask, npt.NDArray[np.int64]] = {}
    for row, budget in enumerate(budgets):
        matcher.set(row, budget)
    rows = np.arange(len(budgets))
    while len(rows):
        chosen = []
        for row, mask in zip(rows.tolist(), matcher.find_masks(rows), strict=True):
            if mask not in legal:
                legal[mask] = np.flatnonzero(mask.tokens)
            ids = legal[mask]
            if len(ids) > MAX_SCORED:  # random weights over some legal tokens, drawn at random
                ids = ids[draw.integers(0, len(ids), MAX_SCORED)]
            logits = embedding[ids] @ hidden[row] / temperatures[row]
            chosen.append(int(ids[np.argmax(logits + draw.gumbel(size=len(ids)))]))
            hidden[row] = np.tanh(hidden[row] @ matrix + embedding[chosen[-1]])
            written[row].append(chosen[-1])
        matcher.accept(rows, np.array(chosen))
        rows = rows[~np.isin(chosen, automaton.stop_token_ids)]
    yield from zip(budgets, written, strict=True)


def main(argv: list[str] | None = None) -> int:
    """Write and judge the replies; return 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replies", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of everything (default 1)")
    arguments = parser.parse_args(argv)
    ranks = ranks_file()
    if ranks is None:
        print("random_replies: skipped, the package llama-models with Llama 3's ranks is missing")
        return 0
    rng = random.Random(arguments.seed)
    heads = _heads(ranks)
    started_s = time.perf_counter()
    wanted = cases()
    right, seen, wrong = Counter[str](), Counter[str](), []
    for at in range(0, arguments.replies, BATCH):
        case = wanted[at // BATCH % len(wanted)]
        head = rng.choice(heads)
        answer = None if case.constraint is None else case.constraint.compile()
        automaton = Automaton.assemble(head, answer)
        budgets = [random_budget(rng, automaton) for _ in range(BATCH)]
        for budget, token_ids in replies(automaton, budgets, rng.randrange(2**32)):
            seen[case.name] += 1
            text = head.vocabulary.decode(token_ids)
            if _is_whole(text, head.format, budget, len(token_ids), case.is_right):
                right[case.name] += 1
            else:
                wrong.append((case, budget, text))
    print(f"{len(wanted)} kinds of answers, {len(heads)} formats, seed {arguments.seed}, "
          f"{time.perf_counter() - started_s:.0f} s")  # fmt: skip
    for name, count in seen.items():
        print(f"{name:7} {share(right[name], count)}")
    print(f"all     {share(sum(right.values()), sum(seen.values()))}")
    for case, budget, text in wrong[:5]:
        print("wrong:", case.name, budget, text)
    return int(bool(wrong))


def _heads(ranks: Path) -> list[Head]:
    with TemporaryDirectory() as folder:
        make_tokenizer(ranks).save(f"{folder}/tokenizer.json", pretty=False)
        vocabulary = Vocabulary.load(folder)
    return [lift_head(format, vocabulary, STOP_TOKEN_IDS) for format in FORMATS]


def _is_whole(
    text: bytes, format: ReplyFormat, budget: Budget, count: int, is_right: Judge
) -> bool:
    try:
        reply = text.decode("utf-8")
        answer = answer_of(reply, format)
        reflections = reply.count(f"<{format.reflection}>")
        is_within = count <= budget.max_tokens and budget.min_reflections <= reflections
        return answer is not None and is_within and is_right(answer)
    except ValueError:  # not UTF-8, or not JSON
        return False


if __name__ == "__main__":
    raise SystemExit(main())
