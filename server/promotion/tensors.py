"""read_shapes: the names and shapes of a folder's weights, read from the files' headers alone."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000  # safetensors' own limit
LENGTH_BYTES = 8


class TensorsError(ValueError):
    """Weights that are missing, cut short, or not in safetensors files."""


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return every tensor's shape by name; raise TensorsError where a file is not whole."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in _files(folder):
        header = _read_header(file)
        shapes |= {name: tuple(entry["shape"]) for name, entry in header.items()}
    return shapes


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if index.is_file():
        try:
            names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
            return [folder / name for name in sorted(names)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TensorsError(f"{index} is not an index of weights: {error!r}") from error
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TensorsError(f"{folder} has no *.safetensors files")
    return files


def _read_header(file: Path) -> dict[str, Any]:
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
            if length > min(MAX_HEADER_BYTES, size):
                raise TensorsError(f"{file} is no safetensors file, or is cut short")
            header: dict[str, Any] = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        for entry in header.values():
            prod(entry["shape"])
    except OSError as error:
        raise TensorsError(f"{file} cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, TensorsError):
            raise
        raise TensorsError(f"{file} is no safetensors file: {error!r}") from error
    if size != LENGTH_BYTES + length + end:
        raise TensorsError(
            f"{file} must have {LENGTH_BYTES + length + end} bytes by its header, not {size}"
        )
    return header
