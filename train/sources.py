"""Instruction data as others publish them: alpaca, wizardlm, conversations, JSON lines."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from train.errors import DataError
from train.json_lines import json_lines, opened
from train.sample import Sample
from train.settings import Source

SETTING = "[data].sources"


class UnusableError(Exception):
    """A row that is well formed, but no sample; the message is the reason, counted by it."""


def read_rows(source: Source) -> Iterator[Sample | str]:
    """Yield each row as a sample, or as the reason why it is none; DataError where none can be."""
    read = READERS[source.kind]
    for number, row in enumerate(_objects(source.path), 1):
        try:
            instruction, given, response = read(row)
        except UnusableError as why:
            yield str(why)
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"{source.path}, row {number}: no {source.kind} sample ({_told(error)})"
            ) from error
        else:
            yield _sample(instruction, given, response, source.path.name)


def _sample(instruction: str, given: str, response: str, source: str) -> Sample | str:
    for name, text in (("instruction", instruction), ("response", response)):
        if not text.strip():
            return f"empty {name}"
    try:
        f"{instruction}{given}{response}".encode()
    except UnicodeEncodeError:
        return "half a surrogate pair"
    return Sample(instruction, response, given, source)


def _told(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, LookupError) else str(error)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, a text was expected")
    return value


def _alpaca(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return _text(row, "instruction"), _input(row), _text(row, "output")


def _wizardlm(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return _text(row, "instruction"), "", _text(row, "output")


def _jsonl(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return _text(row, "instruction"), _input(row), _text(row, "response")


def _input(row: Mapping[str, Any]) -> str:
    return _text(row, "input") if row.get("input") is not None else ""


def _messages(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Take a conversation of one turn; a system message stands before the user's."""
    said = [(_text(message, "role"), _text(message, "content")) for message in row["messages"]]
    system = [text for role, text in said if role == "system"]
    turns = [(role, text) for role, text in said if role != "system"]
    if [role for role, _ in turns] != ["user", "assistant"]:
        raise UnusableError("not one turn of user and assistant")
    return "\n\n".join([*system, turns[0][1]]), "", turns[1][1]


READERS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str, str]]] = {
    "alpaca": _alpaca,
    "wizardlm": _wizardlm,
    "messages": _messages,
    "jsonl": _jsonl,
}


def _objects(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a JSON array or of JSON lines, whichever the file begins as."""
    with opened(path, SETTING) as file:
        rows = _array(file, path) if _first(file) == b"[" else json_lines(file, path)
        for number, row in rows:
            if not isinstance(row, dict):
                kind = type(row).__name__
                raise DataError(f"{path}, row {number}: a JSON object was expected, not {kind}")
            yield row


def _first(file: IO[bytes]) -> bytes:
    """Return the first byte that is no blank, nor of a mark of the encoding; then rewind."""
    first = b" "
    if file.read(len(BOM_UTF8)) != BOM_UTF8:
        file.seek(0)
    while first.isspace():
        first = file.read(1)
    file.seek(0)
    return first


def _array(file: IO[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    try:
        return enumerate(json.load(file), 1)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: no JSON array, as which it begins ({error})") from error
