"""The configuration of a run: one TOML file, a section a stage, and changes from the command line.

    python -m train recycle -c run.toml teacher.concurrency=128

A name that a section does not know, or a value of the wrong kind, is an error, never ignored.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from train.building.settings import Build
from train.errors import ConfigError
from train.exporting.settings import Export
from train.fine_tuning.settings import Sft
from train.recycling.settings import Recycle, Teacher
from train.scoring.settings import Score
from train.settings import FORBID, Data, Run


@dataclass(frozen=True, slots=True)
class Config:
    """All sections of a run; immutable, equal files make equal configurations."""

    __pydantic_config__ = FORBID

    run: Run
    data: Data = field(default_factory=Data)
    teacher: Teacher = field(default_factory=Teacher)
    recycle: Recycle = field(default_factory=Recycle)
    score: Score = field(default_factory=Score)
    build: Build = field(default_factory=Build)
    sft: Sft = field(default_factory=Sft)
    export: Export = field(default_factory=Export)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, defaults filled in."""
        resolved: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return resolved

    @property
    def sha256(self) -> str:
        """The hash of everything it says."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `-c FILE` and `section.name=value`, which every stage of a run takes."""
    parser.add_argument("-c", "--config", type=Path, required=True, help="the run's TOML file")
    parser.add_argument(
        "changes",
        nargs="*",
        metavar="SECTION.NAME=VALUE",
        help="values in place of the file's, in TOML: sft.lr=1e-4, run.name='again'",
    )


def read_config(arguments: argparse.Namespace) -> Config:
    """Return the configuration that `add_config_arguments` parsed."""
    return load_config(arguments.config, arguments.changes)


def load_config(file: Path, changes: Sequence[str] = ()) -> Config:
    """Read the file and apply the changes; raise ConfigError naming what is wrong and where."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {file}: -c names the run's TOML file") from error
    except (ValueError, OSError) as error:
        raise ConfigError(f"{file}: {error}") from error
    for change in changes:
        _apply(document, change)
    return _validate(document, file)


def _apply(document: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    *sections, last = name.split(".")
    if not equals or not sections or not all((*sections, last)):
        raise ConfigError(f"{change!r}: section.name=value was expected, as in sft.lr=1e-4")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a text
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise ConfigError(f"{change!r}: {section} is no section")
    document[last] = value


def _validate(document: dict[str, Any], file: Path) -> Config:
    from pydantic import TypeAdapter, ValidationError

    try:
        # JSON, because strictness there still takes a list for a tuple and a text for a path
        text = json.dumps(document, default=str)
        return TypeAdapter(Config).validate_json(text, strict=True)
    except ValidationError as error:
        told = "; ".join(_tell(one) for one in error.errors()[:5])
        raise ConfigError(f"{file}: {told}") from error


def _tell(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "unexpected_keyword_argument":
        known = _names(error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
        return f"nothing is called {where}: {hint}"
    if error["type"] == "missing":
        return f"{where} is missing"
    return f"{where} = {error['input']!r}: {error['msg']}"


def _names(section: Sequence[Any]) -> list[str]:
    """Return the names that a section has, by its place in the document."""
    found: Any = asdict(Config(Run("", Path())))
    for part in section:
        found = found.get(part) if isinstance(found, dict) else None
    return list(found) if isinstance(found, dict) else []
