"""The server's data lie in one folder, which is the user's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from server.data_folder import DataFolderError, database_url, default_folder, make_folder


def test_the_variable_names_the_folder_and_an_empty_one_means_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REFLECT_DATA", "/somewhere")
    assert default_folder() == Path("/somewhere")
    monkeypatch.setenv("REFLECT_DATA", "")
    assert default_folder() is None


def test_the_default_is_where_programs_keep_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLECT_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_folder() == Path("/data/reflection-runtime")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_folder() == Path("/home/ann/.local/share/reflection-runtime")


def test_a_folder_is_made_with_its_parents_for_the_user_alone(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert make_folder(folder) == folder


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DataFolderError, match="cannot be made"):
        make_folder(file)


def test_a_store_is_a_file_of_the_folder_or_in_memory() -> None:
    assert database_url(Path("/data"), "keys") == "sqlite:////data/keys.db"
    assert database_url(None, "keys") == "sqlite://"
