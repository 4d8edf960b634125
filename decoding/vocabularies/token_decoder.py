"""The decoder of a `tokenizer.json`, as a function from a token's text to its bytes.

The bytes are those that the token adds inside a reply. What a decoder does to the two ends of a
whole text (`Strip` after `Fuse`, the first token's blank under `Metaspace`) is left out: see
`Vocabulary`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from decoding.vocabularies.vocabulary_error import VocabularyError

PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
WORD_BOUNDARY = "▁"  # a blank, as SentencePiece writes it
ENDS = ("Fuse", "Strip")  # steps that change nothing inside a text
NO_BYTE = -1

Decoder = Callable[[Sequence[str]], list[bytes]]
Step = Callable[[str], str | bytes]


def make_decoder(decoder: Any) -> Decoder:
    """Return the function that turns the texts of tokens into their bytes inside a reply.

    Raises VocabularyError where a token's bytes depend on its neighbours or are not all kept:
    WordPiece, BPE with word endings, CTC, or no decoder, which puts blanks between tokens.
    """
    steps = _flatten(decoder)
    kinds = [str(step.get("type")) for step in steps]
    if kinds == ["ByteLevel"]:
        return decode_byte_level
    fused = kinds.index("Fuse") if "Fuse" in kinds else len(kinds)
    if not kinds or set(kinds[fused:]) - set(ENDS) or "Strip" in kinds[:fused]:
        raise _unsupported(kinds)
    return _chain([_step(step, kinds) for step in steps[:fused]])


def decode_byte_level(texts: Sequence[str]) -> list[bytes]:
    """Read GPT-2's characters as bytes; a text with any other character is kept as it stands."""
    points = np.frombuffer("".join(texts).encode("utf-16-le"), "<u2")
    values = _BYTE_OF_POINT[points]
    if (values == NO_BYTE).any():
        return [_byte_level(text) for text in texts]
    flat = values.astype(np.uint8).tobytes()
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts))).tolist()
    return [flat[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def byte_of(text: str) -> int | None:
    """Return the byte that a byte token such as `<0x0A>` stands for."""
    found = BYTE_TOKEN.fullmatch(text)
    return found and int(found[1], 16)


def _chain(steps: Sequence[Step]) -> Decoder:
    def decode(text: str) -> bytes:
        for step in steps:
            after = step(text)
            if isinstance(after, bytes):
                return after
            text = after
        return text.encode()

    return lambda texts: [decode(text) for text in texts]


def _step(step: Mapping[str, Any], kinds: Sequence[str]) -> Step:
    match step:
        case {"type": "ByteLevel"}:
            return _byte_level
        case {"type": "ByteFallback"}:
            return _byte_fallback
        case {"type": "Metaspace", "replacement": str(old)}:
            return lambda text: text.replace(old, " ")
        case {"type": "Replace", "pattern": {"String": str(old)}, "content": str(new)} if old:
            return lambda text: text.replace(old, new)
    raise _unsupported(kinds)


def _byte_level(text: str) -> bytes:
    values = [_BYTE_OF_CHARACTER.get(character, NO_BYTE) for character in text]
    return text.encode() if NO_BYTE in values else bytes(values)


def _byte_fallback(text: str) -> str | bytes:
    byte = byte_of(text)
    return text if byte is None else bytes([byte])


def _flatten(decoder: Any) -> list[Mapping[str, Any]]:
    match decoder:
        case {"type": "Sequence", "decoders": [*parts]}:
            return [step for part in parts for step in _flatten(part)]
        case {"type": str()}:
            return [decoder]
    return []


def _unsupported(kinds: Sequence[str]) -> VocabularyError:
    return VocabularyError(
        "expected a decoder under which every token stands for bytes of its own (ByteLevel, or "
        "Replace or Metaspace with ByteFallback, then Fuse and Strip), found "
        + (", ".join(kinds) or "none")
    )


def _byte_of_character() -> dict[str, int]:
    table = {chr(byte): byte for byte in PRINTABLE}
    rest = (byte for byte in range(256) if byte not in set(PRINTABLE))
    return table | {chr(256 + offset): byte for offset, byte in enumerate(rest)}


_BYTE_OF_CHARACTER = _byte_of_character()
_BYTE_OF_POINT = np.full(2**16, NO_BYTE, np.int16)
_BYTE_OF_POINT[[ord(character) for character in _BYTE_OF_CHARACTER]] = [
    *_BYTE_OF_CHARACTER.values()
]
