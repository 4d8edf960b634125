"""ServedModel: the bundle with the tables that requests are checked, rendered and read with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from decoding.automata import Automata
from decoding.automaton import Automaton
from decoding.automaton_cache import default_folder
from decoding.budget import Budget
from decoding.bundle import Bundle
from decoding.masks import Masks
from decoding.parser import ReplyParser
from decoding.vocabulary import Vocabulary
from server.fingerprint import fingerprint
from server.prompts.prompt import Prompter


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What the server knows of its model apart from the weights; shared, immutable.

    fingerprint: which weights and bundle these are
    adapter: the LoRA adapter in the engine that writes; None is the model itself
    """

    bundle: Bundle
    vocabulary: Vocabulary
    automata: Automata
    prompter: Prompter
    fingerprint: str = ""
    adapter: str | None = None

    @classmethod
    def load(cls, bundle: Bundle, vocab_size: int | None = None) -> Self:
        """Read the tokenizer and find or make the automaton: seconds for a large vocabulary.

        The engine's automata are of the same size, so that those made here are found there.
        """
        size = _vocab_size(bundle.folder) if vocab_size is None else vocab_size
        vocabulary = Vocabulary.load(bundle.folder, size=size, tags=bundle.format.tags)
        automata = Automata(
            bundle.format,
            vocabulary,
            bundle.stop_token_ids,
            bundle.reply_prefix,
            folder=default_folder(),
        )
        return cls(bundle, vocabulary, automata, Prompter.load(bundle), fingerprint(bundle.folder))

    @property
    def automaton(self) -> Automaton:
        """The automaton of replies whose answer is free."""
        return self.automata.plain

    @property
    def masks(self) -> Masks:
        """Its masks."""
        return self.automata.plain_masks

    def token_data(self, token_id: int) -> bytes:
        """Return what a token is written as, also one that stands for no text."""
        data = self.vocabulary.token_bytes[token_id]
        return self.prompter.control_data.get(token_id, b"") if data is None else data

    def check_budgets(self, room: int) -> None:
        """Raise BudgetError where a default leaves even the shortest prompt no way to end well."""
        budgets = self.bundle.budgets
        for effort in (None, *self.bundle.efforts.values()):
            Budget.for_request(self.automaton, budgets, room=room, effort=effort)

    def parser(self, budget: Budget) -> ReplyParser:
        """Make the parser of one reply, standing where the prompt leaves off."""
        bundle = self.bundle
        prefix = "" if budget.skips_thinking(bundle.format) else bundle.reply_prefix
        return ReplyParser(bundle.format, self.vocabulary, prefix=prefix)


def _vocab_size(folder: Path) -> int | None:
    """Return how many logits the model has; None where its configuration does not tell."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    size = config.get("text_config", config).get("vocab_size")
    return size if isinstance(size, int) else None
