"""Two replies that the benchmarks walk in the Llama 3 vocabulary: the answer is text, or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from decoding.vocabulary import Vocabulary
from tests.llama3 import make_tokenizer, ranks_file

SENTENCE = "If 3 < 4, then twelve pens at 2 dollars each cost 24 dollars, so she keeps the change. "
THINKING = (
    f"<thinking>\n{SENTENCE * 20}<reflection>Wait, {SENTENCE * 5}</reflection>\n{SENTENCE * 10}"
    "</thinking>\n"
)
TEXT = f"{THINKING}<output>{SENTENCE * 10}</output>"
SCHEMA = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "kind": {"enum": ["pen", "pencil", "paper"]},
                    "price": {"type": "number"},
                    "count": {"type": "integer"},
                },
                "required": ["name", "kind", "price", "count"],
                "additionalProperties": False,
            },
        },
        "total": {"type": "number"},
        "is_paid": {"type": "boolean"},
    },
    "required": ["items", "total", "is_paid"],
    "additionalProperties": False,
}
ANSWER = {
    "items": [
        {"name": f"Pen number {n}, in blue", "kind": "pen", "price": 1.25 + n, "count": 3 * n + 1}
        for n in range(12)
    ],
    "total": 245.5,
    "is_paid": True,
}
JSON = f"{THINKING}<output>{json.dumps(ANSWER)}</output>"


@dataclass(frozen=True, slots=True)
class Traces:
    """The vocabulary of Llama 3 and the two replies in its tokens."""

    vocabulary: Vocabulary
    text: list[int]
    json: list[int]


def load_traces() -> Traces | None:
    """Make Llama 3's tokenizer and cut the replies; None where its ranks are not installed."""
    ranks = ranks_file()
    if ranks is None:
        return None
    tokenizer = make_tokenizer(ranks)
    with TemporaryDirectory() as folder:
        tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
        vocabulary = Vocabulary.load(folder)
    return Traces(vocabulary, tokenizer.encode(TEXT).ids, tokenizer.encode(JSON).ids)
