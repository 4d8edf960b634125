"""A tiny model folder as vLLM's configuration shows it to an adapter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.vocabulary import Vocabulary
from tests.tokenizer import make_model_folder

PADDING = 7  # ids that the model has beyond its tokenizer
MAX_MODEL_LEN = 300


@pytest.fixture(scope="session")
def vllm_config(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    bundle = make_model_folder(tmp_path_factory.mktemp("tiny"), tags_are_tokens=True)
    size = Vocabulary.load(bundle.folder).size + PADDING
    return SimpleNamespace(
        model_config=SimpleNamespace(
            model=str(bundle.folder), get_vocab_size=lambda: size, max_model_len=MAX_MODEL_LEN
        ),
        scheduler_config=SimpleNamespace(max_num_seqs=8),
        speculative_config=None,
    )


@pytest.fixture(scope="session")
def vocabulary(vllm_config: SimpleNamespace) -> Vocabulary:
    model_config = vllm_config.model_config
    return Vocabulary.load(model_config.model, size=model_config.get_vocab_size())


@pytest.fixture(scope="session")
def automaton(vllm_config: SimpleNamespace) -> Automaton:
    from decoding.adapters.admission import load_automaton

    return load_automaton(vllm_config.model_config)


def params(budget: Budget | None, **others: object) -> SimpleNamespace:
    """Return sampling parameters as an adapter reads them."""
    extra = None if budget is None else {"reflection": budget.to_dict()}
    return SimpleNamespace(**{"extra_args": extra, "max_tokens": None} | others)
