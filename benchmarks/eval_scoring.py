r"""Scoring alone, without a model: MMLU's 14,042 questions, and MATH's 5,000 in worker processes.

    python -m benchmarks.eval_scoring [--data FOLDER] [--sample 500] [--workers 2] [--seed 1]

The replies are made of the real data. MMLU: a sentence of reasoning and a letter, right in seven of
ten, in one of several wordings. MATH: the published solution; in three of ten, its box holds the
answer to another problem of the subject, and in two of ten its own answer in other clothes.

Seconds of ours include the start of the workers. The peer is math-verify in one process, called as
lm-eval's minerva_math calls it: gold and reply parsed whole, time-outs by signals. It gets a sample
of the same replies, after its imports; ours gets that sample again, with its start.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.dataset import Row, Source, load
from eval.question import Question
from eval.running.scoring import Scoring
from eval.score import SCORER_TIMEOUT, Score, Scorer
from eval.scorers.competition_math import COMPETITION_MATH
from eval.scorers.latex import last_box
from eval.tasks import catalogue
from eval.tasks.competition_math import MATH

Pair = tuple[Question, list[str]]

LETTER_WORDINGS = (
    "The answer is {}.",
    "So the correct option is **({})**.",
    "Final answer: \\boxed{{{}}}",
    "{}",
    "Hence option {} is correct.",
)
REASONING = "Let us weigh the options. A first reading suggests one, a closer look another. "


def main(argv: list[str] | None = None) -> int:
    """Measure both and print one line a measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("REFLECT_EVAL_DATA"),
        help="folder of the benchmark data (default REFLECT_EVAL_DATA)",
    )
    parser.add_argument("--sample", type=int, default=500, help="of MATH, both (default 500)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the replies (default 1)")
    arguments = parser.parse_args(argv)
    if arguments.data is None:
        print("skipped: neither --data nor REFLECT_EVAL_DATA names a folder of benchmark data")
        return 0
    rng = random.Random(arguments.seed)
    measure_letters(arguments.data, rng)
    pairs = math_pairs(arguments.data, rng)
    ours("MATH", COMPETITION_MATH, pairs, arguments.workers)
    measure_peer(rng.sample(pairs, arguments.sample), arguments.workers)
    return 0


def measure_letters(data: Path, rng: random.Random) -> None:
    task = catalogue.find("mmlu")
    assert task.scorer is not None
    assert isinstance(task.rows, Source)
    questions = task.read(load(task.rows, data).rows, [])
    ours("MMLU", task.scorer, [(one, [letter_reply(one, rng)]) for one in questions], None)


def letter_reply(question: Question, rng: random.Random) -> str:
    letter = question.gold if rng.random() < 0.7 else rng.choice("ABCD")
    return REASONING * rng.randint(0, 5) + rng.choice(LETTER_WORDINGS).format(letter)


def math_pairs(data: Path, rng: random.Random) -> list[Pair]:
    assert isinstance(MATH.rows, Source)
    rows = load(MATH.rows, data).rows
    return [
        (question, [math_reply(row, rows, rng)])
        for row, question in zip(rows, MATH.read(rows, []), strict=True)
    ]


def math_reply(row: Row, rows: Sequence[Row], rng: random.Random) -> str:
    solution, draw = str(row["solution"]), rng.random()
    if draw < 0.3:
        others = (other for other in rng.sample(rows, 100) if other["subject"] == row["subject"])
        return rebox(solution, lambda _: str(next(others, row)["answer"]))
    if draw < 0.5:
        return rebox(solution, in_other_clothes)
    return solution


def rebox(solution: str, change: Callable[[str], str]) -> str:
    """Change what stands in the last box; a solution whose box has no braces keeps it."""
    answer = last_box(solution) or ""
    before, box, after = solution.rpartition(f"{{{answer}}}")
    return f"{before}{{{change(answer)}}}{after}" if box else solution


def in_other_clothes(answer: str) -> str:
    """Write an equal answer differently: a number as a quotient, an expression with a zero."""
    if re.fullmatch(r"-?\d+", answer):
        return rf"\frac{{{2 * int(answer)}}}{{2}}"
    if re.fullmatch(r"[-+*/^{}\w\\ ]+", answer) and "text" not in answer and "_" not in answer:
        return f"0 + {answer}"
    return answer.replace(r"\frac", r"\dfrac").replace(",", ", ")


def ours(name: str, scorer: Scorer, pairs: Sequence[Pair], workers: int | None) -> list[Score]:
    start, worked = time.perf_counter(), cpu_s()
    with Scoring(scorer, workers) as scoring:
        scores = scoring.score_all(pairs)
    seconds, worked = time.perf_counter() - start, cpu_s() - worked
    where = f"{workers} processes" if scorer.limit_s is not None else "in place"
    late = sum(SCORER_TIMEOUT in score.flags for score in scores)
    right = sum(score.value for score in scores)
    print(
        f"{name}, ours, {where}: n = {len(pairs)}, {seconds:.1f} s ({worked:.1f} s of CPU), "
        f"{right:.0f} right, {late} timed out"
    )
    return scores


def cpu_s() -> float:
    """Seconds of CPU of this process and of the children that have ended."""
    return sum(os.times()[:4])


def measure_peer(pairs: Sequence[Pair], workers: int) -> None:
    found = ours("MATH, the sample", COMPETITION_MATH, pairs, workers)
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)
    start, worked = time.perf_counter(), cpu_s()
    verdicts = [
        verify(gold=parse(rf"$\boxed{{{question.gold}}}$"), target=parse(reply))
        for question, (reply,) in pairs
    ]
    seconds, worked = time.perf_counter() - start, cpu_s() - worked
    print(
        f"MATH, the sample, math-verify as lm-eval calls it: n = {len(pairs)}, {seconds:.1f} s "
        f"({worked:.1f} s of CPU), {sum(verdicts)} right"
    )
    for (question, (reply,)), score, verdict in zip(pairs, found, verdicts, strict=True):
        if score.value != verdict:
            print(
                f"  only {'ours' if score.value else 'it'} says right: {question.gold!r}, "
                f"{last_box(reply)!r}"
            )


if __name__ == "__main__":
    raise SystemExit(main())
