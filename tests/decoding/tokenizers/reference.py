"""Compare a vocabulary's bytes with what the real library decodes, part characters too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from decoding.vocabulary import BYTES_OF_UTF8, Vocabulary

HEADS = (b"", b"\xc3", b"\xe1", b"\xe1\xbf", b"\xf1", b"\xf1\xbf", b"\xf1\xbf\xbf")
TAILS = tuple(byte * count for count in range(4) for byte in (b"\x80", b"\xbf"))


def faults(vocabulary: Vocabulary, decode: Callable[[list[int]], str], anchor: str) -> list[int]:
    """Return the ids whose bytes are not what `decode` makes of them inside a text.

    A token that holds parts of characters is put between single bytes that complete them, after
    the anchor's token, so that `decode` yields each of its bytes in a character.
    """
    first = vocabulary.token_bytes.index(anchor.encode())
    byte_ids = {t: i for i, t in enumerate(vocabulary.token_bytes) if t and len(t) == 1}
    found = []
    for token_id, text in enumerate(vocabulary.token_bytes):
        if text and not {*text} <= BYTES_OF_UTF8:
            assert len(text) == 1, "no text holds this byte, so no longer token does"
            is_right = decode([first, token_id]) == anchor + "\ufffd"
        else:
            head, tail, whole = next(_wholes(text or b""))
            around = [[byte_ids[bytes([byte])] for byte in part] for part in (head, tail)]
            ids = [first, *around[0], token_id, *around[1]]
            is_right = decode(ids) == anchor + whole
        if not is_right:
            found.append(token_id)
    return found


def _wholes(text: bytes) -> Iterator[tuple[bytes, bytes, str]]:
    for head in HEADS:
        for tail in TAILS:
            try:
                yield head, tail, (head + text + tail).decode()
            except UnicodeDecodeError:
                continue
