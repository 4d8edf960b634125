"""Compare a vocabulary's bytes with what the real library decodes, part characters too."""

from __future__ import annotations

from collections.abc import Callable

from decoding.vocabulary import Vocabulary

HEADS = (b"", b"\xc3", b"\xe1", b"\xe1\xbf", b"\xf1", b"\xf1\xbf", b"\xf1\xbf\xbf")
TAILS = tuple(byte * count for count in range(4) for byte in (b"\x80", b"\xbf"))


def faults(vocabulary: Vocabulary, decode: Callable[[list[int]], str], anchor: str) -> list[int]:
    """Return the ids whose bytes are not what `decode` makes of them inside a text.

    A token that holds parts of characters is put between single bytes that complete them, after
    the anchor's last token (a byte token may write the same), so that `decode` yields each of its
    bytes in a character. What no text holds is compared as the library shows it, by U+FFFD.
    """
    first = max(i for i, t in enumerate(vocabulary.token_bytes) if t == anchor.encode())
    byte_ids = {t: i for i, t in enumerate(vocabulary.token_bytes) if t and len(t) == 1}
    found = []
    for token_id, text in enumerate(vocabulary.token_bytes):
        head, tail, whole = _complete(text or b"")
        before, after = ([byte_ids[bytes([byte])] for byte in part] for part in (head, tail))
        if decode([first, *before, token_id, *after]) != anchor + whole:
            found.append(token_id)
    return found


def _complete(text: bytes) -> tuple[bytes, bytes, str]:
    for head in HEADS:
        for tail in TAILS:
            try:
                return head, tail, (head + text + tail).decode()
            except UnicodeDecodeError:
                continue
    return b"", b"", text.decode(errors="replace")
