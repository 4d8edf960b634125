"""Contamination: which conversations hold words of an evaluation set, by runs of words.

Thirteen words in a row are GPT-3's measure (*Language Models are Few-Shot Learners*, appendix C,
https://arxiv.org/abs/2005.14165). A text of an evaluation set that is shorter counts as a whole
from MIN_WORDS words on; what is shorter still cannot be told from chance and is not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from train.building.conversation import Conversation, Drop, Reason
from train.building.words import runs, words_of
from train.json_lines import json_lines, opened

MIN_WORDS = 8


class EvaluationTexts:
    """The runs of words of evaluation sets; immutable once made."""

    def __init__(self, files: Iterable[Path], num_words: int) -> None:
        """Read JSON lines (.gz too), every text in them; raise DataError where there are none."""
        self._files_of: dict[int, dict[str, str]] = {}
        for file in files:
            for text in _texts(file):
                words = words_of(text)
                length = min(num_words, len(words))
                if length >= min(MIN_WORDS, num_words):
                    found = self._files_of.setdefault(length, {})
                    for run in runs(words, length):
                        found.setdefault(run, file.name)

    def find(self, text: str) -> tuple[str, str] | None:
        """Return the first run that the text shares, longest runs first, and its file's name."""
        words = words_of(text)
        for length in sorted(self._files_of, reverse=True):
            files = self._files_of[length]
            for run in runs(words, length):
                if run in files:
                    return run, files[run]
        return None


def drop_contaminated(
    conversations: Iterable[Conversation], texts: EvaluationTexts, drops: list[Drop]
) -> Iterator[Conversation]:
    """Yield those whose question and reply share no run; the report names run and file."""
    for conversation in conversations:
        for part in (conversation.question, conversation.reply):
            if found := texts.find(part):
                run, file = found
                drops.append(Drop.of(conversation, Reason.CONTAMINATED, f"{file}: {run}"))
                break
        else:
            yield conversation


def _texts(file: Path) -> Iterator[str]:
    with opened(file, "build.contamination") as lines:
        for _, value in json_lines(lines, file):
            yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
