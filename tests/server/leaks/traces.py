"""What is planted in hidden text, and the search for it in whatever leaves the server."""

from __future__ import annotations

import logging
from collections.abc import Iterable

WORD, CHARACTER = "planted", "Ⓗ"
HIDDEN_LOGPROB = -0.4711  # what a script tells of the tokens that are hidden
THOUGHT = f"{CHARACTER}{WORD}\n<reflection>\n{WORD} {CHARACTER}\n</reflection>\n{WORD}. apples Yes"
# Also as escapes, and what becomes of half a character.
TRACES = (
    *(WORD.encode(), CHARACTER.encode(), b"\\u24bd", b"\xef\xbf\xbd", b"\\ufffd", b"\xe2\x92"),
    str(HIDDEN_LOGPROB).encode(),
)


def leaks(blobs: Iterable[bytes]) -> list[bytes]:
    """Return the pieces in which there is a trace."""
    return [
        blob for blob in blobs if any(trace in blob.lower() for trace in map(bytes.lower, TRACES))
    ]


def log_lines(records: list[logging.LogRecord]) -> list[bytes]:
    """Return records as a log file would have them, tracebacks and extra fields included."""
    formatter = logging.Formatter()
    return [(formatter.format(record) + str(vars(record))).encode() for record in records]
