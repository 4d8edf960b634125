"""What a model is known by: a hash of its weights, its configuration and its tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

HASHED = {".json", ".safetensors", ".bin", ".model", ".jinja"}
WHOLE_BYTES = 1 << 30  # a larger file is known by its size and so many pieces
NUM_PIECES, PIECE_BYTES = 256, 1 << 18


def hash_model(name: str, commit: str | None = None) -> str:
    """Hash what a folder's model and tokenizer are; of the Hub's, the name and its commit.

    Of a shard of many gigabytes pieces are read, evenly spread: whatever trained it has changed
    each of them, and reading all would take as long as loading it, in every process.
    """
    folder = Path(name)
    if not name or not folder.is_dir():
        return hashlib.sha256(f"{name}@{commit}".encode()).hexdigest()[:32]
    digest = hashlib.sha256()
    for file in model_files(folder):
        digest.update(file.name.encode() + _hash_file(file))
    return digest.hexdigest()[:32]


def model_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that say what its model and tokenizer are."""
    for file in sorted(folder.iterdir()):
        if file.suffix in HASHED and file.is_file():
            yield file


def _hash_file(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as opened:
        if size <= WHOLE_BYTES:
            return hashlib.file_digest(opened, "sha256").digest()
        digest = hashlib.sha256(str(size).encode())
        for number in range(NUM_PIECES):
            opened.seek((size - PIECE_BYTES) * number // (NUM_PIECES - 1))
            digest.update(opened.read(PIECE_BYTES))
    return digest.digest()
