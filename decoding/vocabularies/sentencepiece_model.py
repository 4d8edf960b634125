"""SentencePiece's own file, `tokenizer.model`, read with the package `sentencepiece`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from decoding.vocabularies.token_decoder import WORD_BOUNDARY, byte_of
from decoding.vocabularies.vocabulary_error import VocabularyError


def read_sentencepiece(path: Path, tags: Collection[str]) -> dict[int, bytes | None]:
    """Return the bytes of every piece; control pieces and the unknown one have no text.

    tags: the contents of control pieces that are text all the same.
    """
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError:
        raise VocabularyError(
            f"{path} needs the package sentencepiece: install it, or save the tokenizer as "
            "tokenizer.json"
        ) from None
    try:
        model = SentencePieceProcessor(model_proto=path.read_bytes())
    except (RuntimeError, ValueError) as error:
        raise VocabularyError(f"{path} is not a SentencePiece model: {error}") from error
    ids = [*range(len(model))]
    kinds = zip(model.IdToPiece(ids), model.IsControl(ids), model.IsUnknown(ids), strict=True)
    is_byte = model.IsByte(ids)
    tokens: dict[int, bytes | None] = {}
    for token_id, (piece, is_control, is_unknown) in enumerate(kinds):
        if is_byte[token_id]:
            tokens[token_id] = bytes([byte_of(piece) or 0])
        elif piece in tags:
            tokens[token_id] = piece.encode()
        elif is_control or is_unknown:
            tokens[token_id] = None
        else:
            tokens[token_id] = piece.replace(WORD_BOUNDARY, " ").encode()
    return tokens
