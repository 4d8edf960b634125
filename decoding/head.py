"""The head of a model's replies: all that its automata share, lifted to the vocabulary once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.byte_dfa import Phase
from decoding.format import ReplyFormat
from decoding.reply_parts import head_part
from decoding.splice import Part
from decoding.vocabulary import Vocabulary

SENTENCE_ENDS = b".!?\n"
LONG_SENTENCE_ENDS = tuple(mark.encode() for mark in "。！？…")
TRAILING = b" \t\r\"')]*"  # what may follow the mark that ends a sentence


class AutomatonError(ValueError):
    """A format, vocabulary and reply prefix for which no reply can be enforced."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The part of every reply up to its opened output, lifted; one per model.

    root: the state of the byte DFA after the reply's prefix
    ends_sentence: (vocab,) bool, whether a thought may well end after the token
    """

    format: ReplyFormat
    vocabulary: Vocabulary
    stop_token_ids: tuple[int, ...]
    root: int
    part: Part
    ends_sentence: npt.NDArray[np.bool_]


def lift_head(
    format: ReplyFormat,
    vocabulary: Vocabulary,
    stop_token_ids: Collection[int],
    reply_prefix: str = "",
) -> Head:
    """Lift the head; raise AutomatonError for stop ids or a prefix that cannot be."""
    stop = tuple(sorted(set(stop_token_ids)))
    if not stop or not 0 <= stop[0] <= stop[-1] < vocabulary.size:
        raise AutomatonError(
            f"stop_token_ids must be ids of 0 to {vocabulary.size - 1}, not {list(stop)}"
        )
    dfa = head_part(format)
    root = dfa.walk(reply_prefix.encode())
    if root == dfa.num_states or dfa.phases[root] > Phase.THINKING:
        raise AutomatonError(
            f"reply_prefix must be empty or begin with {format.tags[0]} and stay in its text, "
            f"not {reply_prefix!r}"
        )
    part = Part.lift(dfa, vocabulary)
    return Head(format, vocabulary, stop, root, part, ends_sentence(vocabulary))


def ends_sentence(vocabulary: Vocabulary) -> npt.NDArray[np.bool_]:
    """Return (vocab,) bool: the tokens whose text ends with the end of a sentence, or of a line."""
    marks = tuple(bytes([mark]) for mark in SENTENCE_ENDS) + LONG_SENTENCE_ENDS
    may_be_last = [*SENTENCE_ENDS, *TRAILING, *(mark[-1] for mark in LONG_SENTENCE_ENDS)]
    token_ids, offsets, flat = vocabulary.by_length
    last = flat[np.append(offsets[1:], len(flat)) - 1]
    ends = np.zeros(vocabulary.size, bool)
    for token_id in token_ids[np.isin(last, may_be_last)].tolist():
        text = vocabulary.token_bytes[token_id] or b""
        ends[token_id] = text.endswith(marks) or text.rstrip(TRAILING).endswith(marks)
    return ends
