"""Lengths of texts: in tokens of the run's own model where its tokenizer is at hand, or words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config import Config
from train.run_folder import BUILT, TOKENIZER

AT_ONCE = 1000  # texts


@dataclass(frozen=True, slots=True)
class Lengths:
    """What texts are measured in; unit: tokens or words; of: whose tokens."""

    unit: str
    of: str = ""
    tokenizer: Any = None

    def measure(self, texts: Sequence[str]) -> list[int]:
        """Return the length of each text."""
        if self.tokenizer is None:
            return [len(text.split()) for text in texts]
        measured: list[int] = []
        for start in range(0, len(texts), AT_ONCE):
            part = texts[start : start + AT_ONCE]
            encoded = self.tokenizer.encode_batch(part, add_special_tokens=False)
            measured += [len(one.ids) for one in encoded]
        return measured


def open_lengths(config: Config) -> Lengths:
    """Return the lengths by the first tokenizer that lies on this machine, else by words."""
    from tokenizers import Tokenizer

    for folder in _folders(config):
        file = folder / "tokenizer.json"
        if file.is_file():
            return Lengths("tokens", folder.name, Tokenizer.from_file(str(file)))
    return Lengths("words")


def _folders(config: Config) -> Iterator[Path]:
    for name in (config.score.model, config.sft.model, config.build.tokenizer):
        if name:
            yield Path(name)
    yield config.run.dir / BUILT / TOKENIZER
