"""What every reader of tokenizer files raises."""

from __future__ import annotations


class VocabularyError(ValueError):
    """A tokenizer folder whose tokens cannot be turned into bytes."""
