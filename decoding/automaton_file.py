"""One automaton in one file: a checksum, a JSON header, and the tables as they lie in memory.

Layout: MAGIC, SHA-256 of all that follows, length of the header as 4 bytes (little-endian), the
header, the arrays. Derived tables are stored too, so that loading computes and proves nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from decoding.automaton import Automaton
from decoding.format import ReplyFormat

MAGIC = b"reflection automaton 1\n\0"
DIGEST_BYTES, LENGTH_BYTES, ALIGNMENT = 32, 4, 16
BODY_AT = len(MAGIC) + DIGEST_BYTES
MAX_BYTES = 64 * 2**20  # more than the largest automaton has
ARRAYS = ("classes", "next", "opens", "closes", "phases", "ends_sentence", "thinks", "inside",
          "finish", "close", "representative", "class_sizes")  # fmt: skip


class AutomatonFileError(ValueError):
    """A file that is damaged, of another layout, or of another automaton."""


def save(automaton: Automaton, path: Path, key: str) -> None:
    """Write the file in one step: whoever reads meanwhile sees all of it or none; raises OSError.

    key: what the automaton was made from; the file is loaded only under the same key.
    """
    body = _body(automaton, key)
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".draft", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(body).digest())
            file.write(body)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


def load(path: Path, key: str) -> Automaton:
    """Read the file back; raise OSError, or AutomatonFileError for one that cannot be trusted."""
    size = path.stat().st_size
    if not BODY_AT + LENGTH_BYTES < size <= MAX_BYTES:
        raise AutomatonFileError(f"{path} has {size} bytes: it is no file of an automaton")
    data = bytearray(size)  # the arrays are views of it, and can be written to
    with path.open("rb") as file:
        size = file.readinto(data)
    body = memoryview(data)[BODY_AT:]
    if size != len(data) or data[: len(MAGIC)] != MAGIC:
        raise AutomatonFileError(f"{path} is no file of an automaton in this layout")
    if hashlib.sha256(body).digest() != data[len(MAGIC) : BODY_AT]:
        raise AutomatonFileError(f"{path} is damaged: its checksum differs")
    header, arrays = _parts(body)
    if header["key"] != key:
        raise AutomatonFileError(f"{path} holds another automaton: its key differs")
    return _automaton(header, arrays)


def _body(automaton: Automaton, key: str) -> bytes:
    arrays = {name: np.ascontiguousarray(getattr(automaton, name)) for name in ARRAYS}
    for name in ("classes", "representative", "class_sizes"):
        arrays[name] = arrays[name].astype(np.min_scalar_type(int(arrays[name].max())))
    values = {
        part.name: getattr(automaton, part.name)
        for part in fields(automaton)
        if part.name not in arrays
    }
    header = values | {
        "key": key,
        "format": automaton.format.to_dict(),
        "arrays": {name: (part.dtype.str, part.shape) for name, part in arrays.items()},
    }
    text = json.dumps(header).encode()
    pieces = [len(text).to_bytes(LENGTH_BYTES, "little"), text]
    at = LENGTH_BYTES + len(text)
    for part in arrays.values():
        pieces += [bytes(-(at + BODY_AT) % ALIGNMENT), part.tobytes()]
        at += sum(map(len, pieces[-2:]))
    return b"".join(pieces)


def _parts(body: memoryview) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    at = LENGTH_BYTES + int.from_bytes(body[:LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(bytes(body[LENGTH_BYTES:at]))
    arrays = {}
    for name, (dtype, shape) in header["arrays"].items():
        at += -(at + BODY_AT) % ALIGNMENT
        count = int(np.prod(shape))
        flat = np.frombuffer(body, np.dtype(dtype), count, at)
        arrays[name] = flat.reshape(shape)
        at += flat.nbytes
    return header, arrays


def _automaton(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> Automaton:
    wide = ("classes", "representative", "class_sizes")
    return Automaton.restore(
        {
            **header,
            **arrays,
            **{name: arrays[name].astype(np.int32) for name in wide},
            "format": ReplyFormat.from_dict(header["format"]),
            "stop_token_ids": tuple(header["stop_token_ids"]),
        }
    )
