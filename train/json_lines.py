"""JSON lines as others publish them, packed or not; what is wrong with a file is a DataError."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from train.errors import DataError


@contextmanager
def opened(path: Path, setting: str) -> Iterator[IO[bytes]]:
    """Open a file, unpacked where its name ends in .gz; setting: what named it, for the error."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}: {setting} names it") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be unpacked: {error}") from error


def json_lines(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    """Yield each line's number, from 1, and what it says; blank lines say nothing."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not JSON ({error})") from error
            yield number, value
