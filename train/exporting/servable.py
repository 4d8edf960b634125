"""Whether a bundle can be served: all that the server checks at its start, without its engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from decoding.automata import Automata
from decoding.budget import Budget, BudgetError
from decoding.bundle import Bundle, BundleError
from decoding.head import AutomatonError
from decoding.vocabulary import Vocabulary, VocabularyError
from train.errors import TrainError
from train.exporting.trials import prompt_ids


def check_servable(folder: Path, tokenizer: Any) -> Bundle:
    """Return the bundle as it is read back; raise TrainError saying why it cannot be served."""
    try:
        bundle = Bundle.load(folder)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config = config.get("text_config", config)
        size = int(config["vocab_size"])
        vocabulary = Vocabulary.load(folder, size=size, tags=bundle.format.tags)
        if vocabulary.size > size:
            raise TrainError(f"the tokenizer has {vocabulary.size} ids, the model only {size}")
        automata = Automata(bundle.format, vocabulary, bundle.stop_token_ids, bundle.reply_prefix)
        prompt = prompt_ids(tokenizer, "Hello")
        room = int(config.get("max_position_embeddings", bundle.budgets.max_tokens)) - len(prompt)
        for effort in (None, *bundle.efforts.values()):
            Budget.for_request(automata.plain, bundle.budgets, room=room, effort=effort)
    except (BundleError, VocabularyError, AutomatonError, BudgetError) as error:
        raise TrainError(f"the bundle could not be served: {error}") from error
    _check_bos(prompt, tokenizer.bos_token_id)
    return bundle


def _check_bos(prompt: list[int], bos: int | None) -> None:
    if bos is not None and prompt.count(bos) > 1:
        raise TrainError(
            f"the chat template begins a conversation with {prompt.count(bos)} BOS tokens"
        )
