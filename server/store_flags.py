"""The flags by which a command finds one of the server's stores: --data, and the store's URL."""

from __future__ import annotations

import argparse
from pathlib import Path

from server.data_folder import DataFolderError, database_url, default_folder, make_folder


def add_store_flags(parser: argparse.ArgumentParser, store: str) -> None:
    """Add the flags for a store by its name, which is its file's too: keys, recordings."""
    parser.add_argument(
        "--data", type=Path, metavar="DIR",
        help="the server's data folder (default REFLECT_DATA, else where the server keeps it)",
    )  # fmt: skip
    parser.add_argument(
        f"--{store}-url", dest="store_url", metavar="URL",
        help=f"database of the {store} (default {store}.db in the data folder)",
    )  # fmt: skip


def store_url(arguments: argparse.Namespace, store: str, *, makes_folder: bool = False) -> str:
    """Return the URL of the store; raise DataFolderError where there is neither it nor a folder."""
    if arguments.store_url:
        return str(arguments.store_url)
    folder: Path | None = arguments.data or default_folder()
    if folder is None:
        raise DataFolderError(f"there is no data folder: name one with --data, or a --{store}-url")
    return database_url(make_folder(folder) if makes_folder else folder, store)
