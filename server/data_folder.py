"""The folder of the server's own data: keys, stored responses, recordings; and their databases."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "REFLECT_DATA"


class DataFolderError(ValueError):
    """A folder for the server's data that cannot be used."""


def default_folder() -> Path | None:
    """Return the folder that REFLECT_DATA names, or one where the user's programs keep data.

    None where the variable is empty, or the user has no home: then nothing is kept.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    try:
        return Path(base).expanduser() / "reflection-runtime"
    except RuntimeError:
        return None


def make_folder(folder: Path) -> Path:
    """Make the folder for this user alone, unless it is there; raise DataFolderError if unusable.

    One that others may look into is left as it is: it is the user's choice.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderError(f"the data folder {folder} cannot be made: {error}") from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise DataFolderError(f"the data folder {folder} cannot be written to")
    return folder.absolute()


def database_url(folder: Path | None, name: str) -> str:
    """Return the URL of a store's SQLite file; without a folder it is kept in memory."""
    return "sqlite://" if folder is None else f"sqlite:///{folder / name}.db"
