"""ServedModel: the bundle with the tables that requests are checked, rendered and read with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from decoding.automaton import Automaton
from decoding.bundle import Bundle
from decoding.masks import Masks
from decoding.parser import ReplyParser
from decoding.vocabulary import Vocabulary
from server.prompt import Prompter


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What the server knows of its model apart from the weights; one per process, shared."""

    bundle: Bundle
    vocabulary: Vocabulary
    automaton: Automaton
    masks: Masks
    prompter: Prompter

    @classmethod
    def load(cls, bundle: Bundle, vocab_size: int | None = None) -> Self:
        """Read the tokenizer and build the automaton: seconds for a large vocabulary."""
        vocabulary = Vocabulary.load(bundle.folder, size=vocab_size, tags=bundle.format.tags)
        automaton = Automaton.build(
            bundle.format, vocabulary, bundle.stop_token_ids, bundle.reply_prefix
        )
        prompter = Prompter.load(bundle)
        return cls(bundle, vocabulary, automaton, Masks(automaton), prompter)

    def parser(self) -> ReplyParser:
        """Make the parser of one reply, standing where the prompt leaves off."""
        bundle = self.bundle
        return ReplyParser(bundle.format, self.vocabulary, prefix=bundle.reply_prefix)
