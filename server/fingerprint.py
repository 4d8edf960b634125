"""fingerprint: which weights and bundle wrote a reply, as OpenAI's `system_fingerprint`."""

from __future__ import annotations

import hashlib
from pathlib import Path

DOCUMENTS = (
    "reflection.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "adapter_config.json",
)
WEIGHTS = ("*.safetensors", "*.bin", "*.pt")
WHOLE_BYTES = 64 * 2**20  # a larger file is sampled: reading all of a large model takes minutes
NUM_SAMPLES, SAMPLE_BYTES = 4096, 4096
DIGITS = 12


def fingerprint(*folders: Path) -> str:
    """Digest what is served from the folders; equal on every machine, whatever they are called.

    Weights beyond 64 MiB a file count by their size, their first and last bytes and samples spread
    evenly between: any training changes those, a hand that changes single numbers may not.
    """
    sha = hashlib.sha256()
    for folder in folders:
        sha.update(b"folder\n")
        files = [folder / name for name in DOCUMENTS if (folder / name).is_file()]
        files += sorted({file for pattern in WEIGHTS for file in folder.glob(pattern)})
        for file in files:
            sha.update(f"{file.name}\n{_digest(file)}\n".encode())
    return f"fp_{sha.hexdigest()[:DIGITS]}"


def _digest(file: Path) -> str:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= WHOLE_BYTES:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        sha = hashlib.sha256(b"%d\n" % size)
        for number in range(NUM_SAMPLES):
            stream.seek(number * (size - SAMPLE_BYTES) // (NUM_SAMPLES - 1))
            sha.update(stream.read(SAMPLE_BYTES))
        return sha.hexdigest()
