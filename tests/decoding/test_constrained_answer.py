"""Constrained answers: what is delivered is of the language, and every reply is complete."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator

import numpy as np
import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget, BudgetError
from decoding.byte_dfa import ByteDfa
from decoding.constrained_answer import constrained_answer
from decoding.format import ReplyFormat, Section
from decoding.grammars import dfa
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import Chars, Either, GrammarError, Join, Node, Repeat, Text
from decoding.masks import Masks
from decoding.matcher import Matcher
from decoding.parser import ReplyParser, Status
from decoding.vocabulary import Vocabulary
from tests.decoding.budgets import random_budget
from tests.decoding.conftest import STOP, mixed_tokens
from tests.decoding.judge import is_visible

SHORT = ReplyFormat("t", "r", "o", max_blank=2)
ANY = Chars(((0, 0x10FFFF),))
LETTER = Chars(((0x61, 0x7A),))


def quoted(body: Node) -> Node:
    return Join((Text(b'"'), body, Text(b'"')))


def upto(text: bytes, most: int) -> Node:
    return Repeat(Text(text), 0, most)


# name -> the tree, and the same language for Python's re
LANGUAGES: dict[str, tuple[Node, str]] = {
    "choice": (Either((Text(b"a"), Text(b"a<"), Text(b"b\n"))), r"a|a<|b\n"),
    "anything": (Repeat(ANY), r"(?s:.*)"),
    "string": (quoted(Repeat(Chars(((0x20, 0x21), (0x23, 0x10FFFF))))), r'"[^"\x00-\x1f]*"'),
    "lines": (Repeat(Join((Text(b"a"), Text(b"\n"))), 1), r"(?:a\n)+"),
    "either end": (Join((upto(b"\n", 1), Text(b"a"), upto(b"\n", 1))), r"\n?a\n?"),
    "carriage": (Join((upto(b"\r", 2), Text(b"a"), upto(b"\r", 2))), r"\r{0,2}a\r{0,2}"),
    "tag": (Join((Text(b"<"), upto(b"/", 1), Text(b"o"), upto(b">", 2))), r"</?o>{0,2}"),
}  # fmt: skip
SYMBOLS = [b"a", b"b", b"\n", b"\r", b'"', b"<", b"/", b"o", b">"]


def delivered(raw: bytes) -> str:
    """Return what the parser makes of the bytes between the output's tags."""
    parser = ReplyParser(SHORT)
    text = "".join(
        delta.text
        for delta in parser.feed_text(b"<t></t><o>" + raw + b"</o>")
        if delta.section is Section.OUTPUT
    )
    assert parser.status is Status.COMPLETE
    return text


def accepts(answer: ByteDfa, raw: bytes) -> bool:
    return answer.walk(raw + b"</o>") == answer.final


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_short_answer_that_is_accepted_is_delivered_as_a_text_of_the_language(
    name: str,
) -> None:
    node, pattern = LANGUAGES[name]
    answer = constrained_answer(SHORT, dfa.compile(node))
    reached = set()
    for length in range(6):
        for symbols in itertools.product(SYMBOLS, repeat=length):
            raw = b"".join(symbols)
            if accepts(answer, raw):
                assert b"</o>" not in raw
                text = delivered(raw)
                assert re.fullmatch(pattern, text), (raw, text)
                assert any(map(is_visible, text))
                reached.add(text)
    for length in range(4):
        for symbols in itertools.product(SYMBOLS, repeat=length):
            text = b"".join(symbols).decode()
            is_kept = "</o>" not in text and any(map(is_visible, text))
            is_kept &= not (text.endswith("\r") and name == "anything")
            if is_kept and re.fullmatch(pattern, text):
                assert text in reached, text


def test_the_closing_tag_counts_only_after_a_whole_text() -> None:
    answer = constrained_answer(SHORT, dfa.compile(LANGUAGES["string"][0]))
    assert accepts(answer, b'"x"')
    assert accepts(answer, b'\n"x"\n')
    assert accepts(answer, b'"</o"')
    assert accepts(answer, b'"<t><r></t>"')  # only the closing tag would end the answer
    assert not accepts(answer, b'"x')
    assert not accepts(answer, b'"x</o>"')
    assert answer.walk(b'"x</o>') == answer.num_states


@pytest.mark.parametrize(
    "node", [Text(b" \n"), Repeat(Text(b"\t")), Text(b"x</o>y"), Text("\u200b".encode())]
)
def test_a_language_without_a_visible_text_that_can_stand_is_refused(node: Node) -> None:
    with pytest.raises(GrammarError, match=r"no answer that a reader would see"):
        constrained_answer(SHORT, dfa.compile(node))


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary([*mixed_tokens(), b'>{"a', b'"}', b'"}</', b": 1", b'": ', b"}\n</output>"])


def json_object() -> Node:
    digits = Repeat(Chars(((0x30, 0x39),)), 1)
    body = Repeat(Chars(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF))))
    return Join((Text(b'{"a": '), Either((digits, quoted(body))), Text(b"}")))


CONSTRAINTS: dict[str, tuple[Node, str]] = {
    "choice": (Either((Text(b"yes"), Text(b"no"), Text(b"<output>"))), r"yes|no|<output>"),
    "letters": (Repeat(LETTER, 3, 40), r"[a-z]{3,40}"),
    "object": (json_object(), r'\{"a": (?:[0-9]+|"[^"\\\x00-\x1f]*")\}'),
}


@pytest.fixture(scope="module", params=CONSTRAINTS)
def constrained(request: pytest.FixtureRequest, vocabulary: Vocabulary) -> tuple[Automaton, str]:
    node, pattern = CONSTRAINTS[request.param]
    return Automaton.build(ReplyFormat(), vocabulary, [STOP], answer=dfa.compile(node)), pattern


def replies(automaton: Automaton, count: int) -> Iterator[tuple[Budget, list[int]]]:
    rng, draw, masks = random.Random(4), np.random.default_rng(4), Masks(automaton)
    for _ in range(count):
        budget = random_budget(rng, automaton, most=rng.choice([1, 3, 40]))
        matcher = Matcher(automaton, budget, masks)
        token_ids: list[int] = []
        while not matcher.is_terminated:
            token_ids.append(int(draw.choice(np.flatnonzero(matcher.allowed()))))
            assert matcher.accept(token_ids[-1])
        yield budget, token_ids


def test_every_random_reply_is_complete_and_its_answer_of_the_language(
    constrained: tuple[Automaton, str], vocabulary: Vocabulary
) -> None:
    automaton, pattern = constrained
    entered = set()
    for budget, token_ids in replies(automaton, 600):
        assert len(token_ids) <= budget.max_tokens
        parser = ReplyParser(ReplyFormat(), vocabulary)
        deltas = parser.feed(token_ids)
        assert parser.status is Status.COMPLETE
        answer = "".join(delta.text for delta in deltas if delta.section is Section.OUTPUT)
        assert re.fullmatch(pattern, answer), answer
        entered |= {vocabulary.token_bytes[token] for token in token_ids}
    assert pattern[0] != r"\{" or b'>{"a' in entered


def test_the_least_budget_is_served_and_one_less_names_it(
    constrained: tuple[Automaton, str],
) -> None:
    automaton, _ = constrained
    least = automaton.least_tokens()
    assert least > 4  # the free answer of this vocabulary needs 4
    Matcher(automaton, Budget(least, 20))
    with pytest.raises(BudgetError, match=f"at least {least} "):
        Matcher(automaton, Budget(least - 1, 20))
    with pytest.raises(BudgetError) as caught:
        Matcher(automaton, Budget(200, 20, min_tokens=50))
    assert caught.value.field == "min_tokens"


def test_distances_in_the_answer_are_exact(constrained: tuple[Automaton, str]) -> None:
    automaton, _ = constrained
    answer = np.flatnonzero(~automaton.inside)
    for state in answer.tolist():
        after = automaton.next[state][automaton.next[state] >= 0]
        expected = 0 if state == automaton.done else 1 + int(automaton.finish[0, after].min())
        assert automaton.finish[0, state] == expected


def test_too_many_states_are_refused_with_a_clear_error(vocabulary: Vocabulary) -> None:
    table = np.full((40_001, 256), 40_000, np.int32)
    at = np.arange(39_999)
    table[at, 0x61] = at + 1
    accepting = np.zeros(40_001, bool)
    accepting[39_999] = True
    with pytest.raises(GrammarError, match="too many states"):
        Automaton.build(ReplyFormat(), vocabulary, [STOP], answer=Dfa(table, accepting))
