"""Where the automaton and its peers disagree about the plain format, and who is right.

    python -m benchmarks.disagreements [--texts 2000] [--seed 0]

Random mutations of well-formed replies, cut into random tokens of a small vocabulary, are fed to
the automaton and to every formulation of the peers until somebody refuses. Each disagreement must
fall into a category of the table below, and the judge, a regular expression that shares no code
with the automaton, must side with the automaton. Prints the table; ends with 1 if one is left.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

from benchmarks.parts.court import Court, Disagreement
from benchmarks.parts.mutations import mutated_reply
from decoding.blank import is_blank
from tests.decoding.judge import is_well_formed


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of disagreement, why the automaton is right, and a text that shows it."""

    name: str
    reason: str
    example: bytes
    is_met: Callable[[Disagreement], bool]


def _has_surrogate(text: bytes) -> bool:
    """Whether the text ends in what would be the second byte of an encoded surrogate."""
    return len(text) > 1 and text[-2] == 0xED and text[-1] >= 0xA0


def _is_invalid(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"
    return False


def _has_blank_answer(text: bytes) -> bool:
    if _is_invalid(text):
        return False
    head, _, answer = text.rpartition(b"<output>")
    return bool(head) and answer.endswith(b"</output>") and is_blank(answer[:-9].decode())


CATEGORIES = (
    Category(
        "surrogate",
        "a code point of U+D800 to U+DFFF is no character and has no UTF-8",
        b"<thinking>\xed\xa0\x80</thinking><output>a</output>",
        lambda found: _has_surrogate(found.text) and not found.is_ours,
    ),
    Category(
        "invalid UTF-8",
        "free text is bytes: stray continuation bytes and unfinished characters pass",
        b"<thinking>\xff</thinking><output>a</output>",
        lambda found: _is_invalid(found.text) and not found.is_ours,
    ),
    Category(
        "blank answer",
        "free text may be empty, and so may the answer",
        b"<thinking>a</thinking><output> </output>",
        lambda found: _has_blank_answer(found.text) and not found.is_ours,
    ),
    Category(
        "cut of forced text",
        "the mask offers one cut of forced bytes into tokens; the matcher accepts the others too",
        b"<",
        lambda found: found.is_masked,
    ),
)


def categorise(disagreement: Disagreement) -> Category | None:
    """Return the category that explains a disagreement, if the judge sides with the automaton."""
    if not disagreement.is_ours_right:
        return None
    return next((kind for kind in CATEGORIES if kind.is_met(disagreement)), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a number of texts.

    counts: (category, peer) -> disagreements; num_well_formed: texts that the judge accepts
    """

    num_texts: int
    num_well_formed: int
    counts: Counter[tuple[str, str]]
    unexplained: list[Disagreement]


def fuzz(court: Court, num_texts: int, seed: int) -> Verdict:
    """Hear random texts."""
    draw = random.Random(seed)
    verdict = Verdict(num_texts, 0, Counter(), [])
    num_well_formed = 0
    for _ in range(num_texts):
        text = mutated_reply(draw)
        num_well_formed += is_well_formed(text)
        for disagreement in court.hear(court.cut(text, draw), draw):
            kind = categorise(disagreement)
            if kind is None:
                verdict.unexplained.append(disagreement)
            else:
                verdict.counts[kind.name, disagreement.peer] += 1
    return replace(verdict, num_well_formed=num_well_formed)


def table(court: Court, verdict: Verdict) -> str:
    """Return the verdict in Markdown, a row a category; the automaton is right in all of them."""
    lines = [
        "| disagreement | example | " + " | ".join(court.names) + " | why ours is right |",
        "| --- | --- |" + " ---: |" * len(court.names) + " --- |",
    ]
    for kind in CATEGORIES:
        counts = " | ".join(str(verdict.counts[kind.name, name]) for name in court.names)
        example = str(kind.example)[2:-1]
        lines.append(f"| {kind.name} | `{example}` | {counts} | {kind.reason} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the table and what it does not explain."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2000, help="texts to try (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the texts (default 0)")
    options = parser.parse_args(argv)
    court = Court()
    verdict = fuzz(court, options.texts, options.seed)
    print(
        f"{verdict.num_texts} texts, {verdict.num_well_formed} of them well-formed, seed "
        f"{options.seed}; xgrammar {version('xgrammar')}, llguidance {version('llguidance')}\n"
    )
    print(table(court, verdict))
    print(f"\nunexplained: {len(verdict.unexplained)}")
    for disagreement in verdict.unexplained[:20]:
        print(disagreement)
    return int(bool(verdict.unexplained))


if __name__ == "__main__":
    raise SystemExit(main())
