"""Dataset: the rows of a task, from a local file or by public name, with their hash."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.errors import DataError
from eval.question import sha256_of

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hub:
    """A split under its public name; `convert` turns row number i of it into one of ours."""

    path: str
    split: str
    convert: Callable[[Row, int], Row]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """A second file in the folder: its row of the same `key` joins as `column`, None if none."""

    file: str
    key: str
    column: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a split are: in `folder` below the data folder, or on the hub.

    files: names to look for, in order; JSON lines, `.gz` or not
    columns: what every row has
    beside: a file that is read with them; on the hub, `convert` adds its column
    """

    folder: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    hub: Hub | None = None
    beside: Beside | None = None


def json_lines(name: str) -> tuple[str, str]:
    """Return the names that a file of JSON lines may have, in order: plain, compressed."""
    return f"{name}.jsonl", f"{name}.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows and where they came from; `sha256` is of the rows, whatever file carried them."""

    rows: tuple[Row, ...]
    origin: str
    sha256: str
    file_sha256: str | None = None

    @classmethod
    def of(cls, rows: Sequence[Row], origin: str, file_sha256: str | None = None) -> Dataset:
        """Hash the rows."""
        return cls(tuple(rows), origin, sha256_of(list(rows)), file_sha256)


def load(source: Source, data: Path | None) -> Dataset:
    """Read the split from `data` (its file, its folder, or the folder above); else from the hub.

    Raises DataError, which names the file and columns that are wanted.
    """
    if data is not None:
        return _read(source, find(source, data))
    if source.hub is None:
        raise DataError(f"{_wanted(source)} It has no public name to load it by: give --data.")
    return _download(source, source.hub)


def find(source: Source, data: Path) -> Path:
    """Return the file of the split: `data` itself, or the first of its names there; DataError."""
    if data.is_file():
        return data
    for folder in (data / source.folder, data):
        for name in source.files:
            if (folder / name).is_file():
                return folder / name
    raise DataError(f"{_wanted(source)} There is none in {data}.")


def _read(source: Source, file: Path) -> Dataset:
    content = file.read_bytes()
    rows = _rows(source, file, content)
    _check(source, rows, file.name)
    if source.beside is not None:
        rows = _join(source, source.beside, file.parent, rows)
    return Dataset.of(rows, file.name, hashlib.sha256(content).hexdigest())


def _rows(source: Source, file: Path, content: bytes) -> list[Row]:
    try:
        text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode()
        return list(_lines(text, file))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}. {_wanted(source)}") from error


def _join(source: Source, beside: Beside, folder: Path, rows: Sequence[Row]) -> list[Row]:
    file = folder / beside.file
    if not file.is_file():
        raise DataError(f"{file} is missing: the {beside.column} of the rows. {_wanted(source)}")
    others = {row.get(beside.key): row for row in _rows(source, file, file.read_bytes())}
    return [{**row, beside.column: others.get(row[beside.key])} for row in rows]


def _lines(text: str, file: Path) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number}: a JSON object was expected, not {line[:40]!r}")
        yield row


def _check(source: Source, rows: Sequence[Row], origin: str) -> None:
    if not rows:
        raise DataError(f"{origin} has no rows. {_wanted(source)}")
    for number, row in enumerate(rows, 1):
        missing = [name for name in source.columns if name not in row]
        if missing:
            raise DataError(f"{origin}, row {number}: no {', '.join(missing)}. {_wanted(source)}")


def _download(source: Source, hub: Hub) -> Dataset:
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            f"{_wanted(source)} Give it with --data, or install the extra `hub` to load "
            f"{hub.path} by its name."
        ) from error
    try:
        loaded = datasets.load_dataset(hub.path, hub.name, split=hub.split)
    except Exception as error:
        raise DataError(
            f"{hub.path} could not be loaded by its name ({type(error).__name__}). "
            f"{_wanted(source)} Give it with --data."
        ) from error
    rows = [hub.convert(dict(row), number) for number, row in enumerate(loaded)]
    _check(source, rows, hub.path)
    return Dataset.of(rows, hub.path)


def _wanted(source: Source) -> str:
    names = " or ".join(f"{source.folder}/{name}" for name in source.files)
    return f"Wanted: {names}, JSON lines with the columns {', '.join(source.columns)}."
