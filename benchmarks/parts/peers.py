"""The peers behind one interface: compile once, then a matcher a reply that accepts and fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import llguidance
import llguidance.torch
import outlines_core  # type: ignore[import-untyped]
import torch
import xgrammar

from benchmarks.parts import formulations
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary


class PeerMatcher(Protocol):
    """The cursor of one reply in a peer."""

    def accept(self, token_id: int) -> bool:
        """Take a token; whether it was legal. An illegal one may leave the matcher useless."""

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        """Write the legal tokens to a row of a packed (rows, words) int32 mask."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A grammar that a peer has compiled.

    start: make the matcher of a reply; size_bytes: of its tables, where the peer tells
    """

    start: Callable[[], PeerMatcher]
    size_bytes: int | None = None


def step_all(
    matchers: Sequence[PeerMatcher], token_ids: Sequence[int], bitmask: torch.Tensor
) -> None:
    """Let every matcher take a token and write its mask, in the peer's best way on one core."""
    if len(matchers) > 1 and isinstance(matchers[0], XGrammarMatcher):
        batch = xgrammar.BatchGrammarMatcher(max_threads=1)
        ours = [matcher.matcher for matcher in matchers if isinstance(matcher, XGrammarMatcher)]
        assert all(batch.batch_accept_token(ours, list(token_ids)))
        batch.batch_fill_next_token_bitmask(ours, bitmask)
        return
    for row, (matcher, token_id) in enumerate(zip(matchers, token_ids, strict=True)):
        assert matcher.accept(token_id)
        matcher.fill(bitmask, row)


class XGrammar:
    """xgrammar on one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, stop_token_ids: Sequence[int]) -> None:
        """Read the vocabulary; what has no text is special."""
        self._info = xgrammar.TokenizerInfo(
            [text or b"" for text in vocabulary.token_bytes],
            vocab_type=xgrammar.VocabType.RAW,
            stop_token_ids=list(stop_token_ids),
        )

    def compile(self, kind: str, source: str) -> Compiled:
        """Compile a source of the kind structural_tag, ebnf or regex; nothing is cached."""
        compiler = xgrammar.GrammarCompiler(self._info, max_threads=1, cache_enabled=False)
        if kind == "structural_tag":
            grammar = compiler.compile_structural_tag(source)
        elif kind == "regex":
            grammar = compiler.compile_regex(source)
        else:
            grammar = compiler.compile_grammar(source)
        return Compiled(lambda: XGrammarMatcher(grammar), grammar.memory_size_bytes)


class XGrammarMatcher:
    """One reply in xgrammar."""

    def __init__(self, grammar: xgrammar.CompiledGrammar) -> None:
        """Start a reply."""
        self.matcher = xgrammar.GrammarMatcher(grammar)
        self.accept = self.matcher.accept_token

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        """Write the legal tokens to a row of a packed mask."""
        self.matcher.fill_next_token_bitmask(bitmask, row)


class LLGuidance:
    """llguidance on one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, stop_token_ids: Sequence[int]) -> None:
        """Read the vocabulary; what has no text gets a name that no text spells."""
        self._tokenizer = llguidance.LLTokenizer(
            llguidance.TokenizerWrapper(_Tokens(vocabulary, stop_token_ids[0])),
            eos_token=list(stop_token_ids),
        )

    def compile(self, source: str) -> Compiled:
        """Check a Lark grammar; the automaton is made lazily, anew in every matcher."""
        grammar = llguidance.LLMatcher.grammar_from_lark(source)
        if error := llguidance.LLMatcher.validate_grammar(grammar, self._tokenizer):
            raise ValueError(error)
        return Compiled(lambda: LLGuidanceMatcher(self._tokenizer, grammar))


class LLGuidanceMatcher:
    """One reply in llguidance."""

    def __init__(self, tokenizer: llguidance.LLTokenizer, grammar: str) -> None:
        """Start a reply."""
        self.matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
        self.accept = self.matcher.consume_token

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        """Write the legal tokens to a row of a packed mask."""
        llguidance.torch.fill_next_token_bitmask(self.matcher, bitmask, row)


class _Tokens:
    """The vocabulary as llguidance wants to see a tokenizer."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary, eos_token_id: int) -> None:
        self.eos_token_id = eos_token_id
        ids = enumerate(vocabulary.token_bytes)
        self.special_token_ids = [i for i, text in ids if text is None]
        self.tokens = [
            b"<|%d|>" % i if text is None else text for i, text in enumerate(vocabulary.token_bytes)
        ]

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


class OutlinesCore:
    """outlines-core on one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, stop_token_ids: Sequence[int]) -> None:
        """Read the vocabulary; it knows one stop token."""
        ids: dict[bytes, list[int]] = {}
        for token_id, text in enumerate(vocabulary.token_bytes):
            if text:
                ids.setdefault(text, []).append(token_id)
        self._stop_token_id = stop_token_ids[0]
        self._vocabulary = outlines_core.Vocabulary(stop_token_ids[0], ids)

    def compile(self, source: str) -> Compiled:
        """Compile a regex."""
        index = outlines_core.Index(source, self._vocabulary)
        return Compiled(lambda: OutlinesMatcher(index, self._stop_token_id))


class OutlinesMatcher:
    """One reply in outlines-core."""

    def __init__(self, index: outlines_core.Index, stop_token_id: int) -> None:
        """Start a reply."""
        self.guide = outlines_core.Guide(index)
        self._stop_token_id = stop_token_id

    def accept(self, token_id: int) -> bool:
        """Take a token; the stop token is no transition of its own."""
        if token_id == self._stop_token_id:
            return bool(self.guide.is_finished())
        if not self.guide.accepts_tokens([token_id]):
            return False
        self.guide.advance(token_id, return_tokens=False)
        return True

    def fill(self, bitmask: torch.Tensor, row: int) -> None:
        """Write the legal tokens to a row of a packed mask."""
        at: Any = bitmask[row]
        self.guide.write_mask_into(at.data_ptr(), at.numel(), at.element_size())


Makers = dict[str, Callable[[], Compiled]]


def peers(
    vocabulary: Vocabulary,
    stop_token_ids: Sequence[int],
    format: ReplyFormat,
    *,
    has_slow: bool = False,
) -> Makers:
    """Return, by name, what compiles the format with each peer in each of its formulations."""
    xgr, llg = XGrammar(vocabulary, stop_token_ids), LLGuidance(vocabulary, stop_token_ids)
    tag, regex = formulations.structural_tag(format), formulations.plain_regex(format)
    dispatch = formulations.dispatch_ebnf(format)
    written_out = formulations.written_out_ebnf(format)
    terminal, lexemes = formulations.lark_terminal(format), formulations.lark_lexemes(format)
    found: Makers = {
        "xgrammar, structural tag": lambda: xgr.compile("structural_tag", tag),
        "xgrammar, EBNF with TagDispatch": lambda: xgr.compile("ebnf", dispatch),
        "xgrammar, EBNF written out": lambda: xgr.compile("ebnf", written_out),
        "llguidance, one terminal": lambda: llg.compile(terminal),
        "llguidance, a lexeme a section": lambda: llg.compile(lexemes),
    }
    if has_slow:
        outlines = OutlinesCore(vocabulary, stop_token_ids)
        found["xgrammar, regex"] = lambda: xgr.compile("regex", regex)
        found["outlines-core, regex"] = lambda: outlines.compile(regex)
    return found


def schema_peers(
    vocabulary: Vocabulary, stop_token_ids: Sequence[int], format: ReplyFormat, schema: str
) -> Makers:
    """Return the same for replies whose answer meets a JSON schema, given as JSON text."""
    xgr, llg = XGrammar(vocabulary, stop_token_ids), LLGuidance(vocabulary, stop_token_ids)
    tag = formulations.structural_tag(format, schema)
    lexemes = formulations.lark_lexemes(format, schema)
    return {
        "xgrammar, structural tag": lambda: xgr.compile("structural_tag", tag),
        "llguidance, a lexeme a section": lambda: llg.compile(lexemes),
    }
