"""Masks applied to the host's logits: the same as filling by the legal tokens."""

from __future__ import annotations

import pytest
import torch

from decoding.adapters.masked_logits import forbid
from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import ReplyFormat
from decoding.masks import Mask
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP, mixed_tokens

BUDGET = Budget(max_tokens=500, max_thinking_tokens=400)


@pytest.fixture(scope="module")
def automaton() -> Automaton:
    return Automaton.build(ReplyFormat(), Vocabulary(mixed_tokens()), [STOP])


def mask_after(automaton: Automaton, text: bytes) -> Mask:
    matcher = Matcher(automaton, BUDGET)
    assert all(matcher.accept(byte) for byte in text)
    return matcher.mask


@pytest.mark.parametrize("text", [b"<thinking>a", b"<thin", b"<thinking></thinking>"])
@pytest.mark.parametrize("rows", [[1], [0, 2], [0, 1, 2]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_exactly_the_illegal_tokens_of_the_rows_become_impossible(
    automaton: Automaton, text: bytes, rows: list[int], dtype: torch.dtype
) -> None:
    mask = mask_after(automaton, text)
    logits = torch.randn((3, automaton.vocab_size)).to(dtype)
    expected = logits.clone()
    expected[rows] = expected[rows].masked_fill(~torch.from_numpy(mask.tokens), -torch.inf)
    forbid(logits, rows, mask)
    assert torch.equal(logits, expected)


def test_both_kinds_of_list_are_met(automaton: Automaton) -> None:
    kinds = {mask_after(automaton, text).is_keep for text in (b"<thinking>a", b"<thin")}
    assert kinds == {True, False}
