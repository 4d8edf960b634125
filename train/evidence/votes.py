"""Votes: what several answers of one model to a puzzle are worth, against one long answer.

Thinking-only models get as many tokens as a reflecting reply takes: by majority of their answers,
by their own likelihood, or by an oracle that knows which is right (the bound of any choice).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Tries = Sequence[Mapping[str, Sequence[Any]]]


def majority(tries: Tries, at: int) -> int:
    """Whether the most frequent answer is right; of equals the first, of none: no."""
    answers = [one["answer"][at] for one in tries]
    counts = Counter(answer for answer in answers if answer)
    if not counts:
        return 0
    chosen = max(counts, key=lambda answer: (counts[answer], -answers.index(answer)))
    return int(tries[answers.index(chosen)]["right"][at])


def likeliest(tries: Tries, at: int) -> int:
    """Whether the reply with the greatest mean log-probability is right."""
    return int(max(tries, key=lambda one: one["logprob"][at])["right"][at])


def any_right(tries: Tries, at: int) -> int:
    """Whether one of them is right: pass@k, which takes a checker that knows the answer."""
    return max(int(one["right"][at]) for one in tries)


CHOICES: Mapping[str, Callable[[Tries, int], int]] = {
    "majority": majority,
    "likeliest": likeliest,
    "oracle": any_right,
}


def chosen(tries: Tries, choice: str) -> list[int]:
    """Return for each puzzle whether what the choice takes of these tries is right."""
    return [CHOICES[choice](tries, at) for at in range(len(tries[0]["right"]))]


def mean_tokens(tries: Tries) -> float:
    """Return the tokens that the tries take together, a puzzle."""
    return sum(sum(one["tokens"]) for one in tries) / len(tries[0]["tokens"])


def within(one: Mapping[str, Sequence[int]], budget: int) -> tuple[list[int], float]:
    """Return what is right of replies cut at so many tokens, and the tokens they take a puzzle."""
    pairs = list(zip(one["right"], one["tokens"], strict=True))
    right = [right if tokens <= budget else 0 for right, tokens in pairs]
    return right, sum(min(tokens, budget) for _, tokens in pairs) / len(pairs)
