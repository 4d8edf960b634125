"""Coherence: how much a response has to do with its question, as a cosine of two vectors.

Two ways, and a report says which: TF-IDF, of the words that both use, which asks no model; and the
student's last hidden states, averaged over the tokens. Raw language models give cosines that are
all high: compare within a table, never with those of sentence embeddings.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from train.errors import DataError

if TYPE_CHECKING:
    import torch

Pair = tuple[str, str]  # question, response
TOKEN_BUDGET = 8192  # of one batch, padding included


def tfidf(pairs: Sequence[Pair]) -> list[float]:
    """Return the cosines of vectors of (1 + log tf) * log(1 + n / df), n and df over all texts."""
    counts = [Counter(re.findall(r"\w+", text.lower())) for pair in pairs for text in pair]
    frequency = Counter(word for count in counts for word in count)
    weights = {word: math.log(1 + len(counts) / df) for word, df in frequency.items()}
    vectors = [
        {word: (1 + math.log(tf)) * weights[word] for word, tf in count.items()} for count in counts
    ]
    return [_cosine(*both) for both in zip(vectors[::2], vectors[1::2], strict=True)]


def _cosine(first: dict[str, float], second: dict[str, float]) -> float:
    product = sum(value * second.get(word, 0.0) for word, value in first.items())
    norms = [math.sqrt(sum(value**2 for value in one.values())) for one in (first, second)]
    return min(1.0, product / (norms[0] * norms[1])) if all(norms) else 0.0


def student(model: str, max_length: int) -> Callable[[Sequence[Pair]], list[float]]:
    """Return the measure by a model's hidden states; texts are cut to `max_length` tokens."""

    def measure(pairs: Sequence[Pair]) -> list[float]:
        import torch

        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        found = dict(zip(texts, _embed(model, texts, max_length), strict=True))
        similarity = torch.nn.CosineSimilarity(dim=0)
        return [float(similarity(found[question], found[answer])) for question, answer in pairs]

    return measure


def _embed(model: str, texts: Sequence[str], max_length: int) -> list[torch.Tensor]:
    """Return a vector a text, (hidden,) float32, in the order of the texts."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    if not model:
        raise DataError("coherence by the student wants a model: set score.model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    body = AutoModel.from_pretrained(model, dtype=torch.float32).to(device).eval()
    ids = [tokenizer(text).input_ids[:max_length] or [0] for text in texts]
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    found: dict[int, torch.Tensor] = {}
    for batch in _batches(order, [len(one) for one in ids]):
        found |= zip(batch, _pooled(body, [ids[at] for at in batch]), strict=True)
    return [found[at] for at in range(len(ids))]


def _batches(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Cut the order, the shortest first, into batches within the budget."""
    batches: list[list[int]] = [[]]
    for at in order:
        if (len(batches[-1]) + 1) * lengths[at] > TOKEN_BUDGET and batches[-1]:
            batches.append([])
        batches[-1].append(at)
    return [batch for batch in batches if batch]


def _pooled(body: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Average the last hidden states over each row, (rows, hidden); padding stands at the right."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=body.device)
    lengths = torch.tensor([len(row) for row in rows], device=body.device)
    mask = torch.arange(width, device=body.device) < lengths[:, None]
    with torch.inference_mode():
        hidden = body(input_ids=ids, attention_mask=mask.long(), use_cache=False).last_hidden_state
    mean: torch.Tensor = (hidden * mask[..., None]).sum(1) / lengths[:, None]
    return mean.cpu()
