"""The folder of automata stays within its size, and never fails who uses it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from decoding.automaton import Automaton
from decoding.automaton_cache import FORGOTTEN_S, AutomatonCache, default_folder, shared_folder


@pytest.fixture
def size(automaton: Automaton, tmp_path: Path) -> int:
    """Bytes of one file."""
    AutomatonCache(tmp_path).save("size", automaton)
    path = tmp_path / "size.automaton"
    size = path.stat().st_size
    path.unlink()
    return size


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def use(folder: Path, key: str, ago_s: float) -> None:
    """Let a file look as if it was used so long ago."""
    then_s = time.time() - ago_s
    os.utime(folder / f"{key}.automaton", (then_s, then_s))


def test_what_was_saved_is_loaded_by_its_key_only(automaton: Automaton, tmp_path: Path) -> None:
    cache = AutomatonCache(tmp_path)
    cache.save("one", automaton)
    loaded = AutomatonCache(tmp_path).load("one")
    assert loaded is not None
    assert loaded.num_states == automaton.num_states
    assert cache.load("two") is None


def test_the_oldest_files_go_beyond_the_size(
    automaton: Automaton, size: int, tmp_path: Path
) -> None:
    cache = AutomatonCache(tmp_path, max_bytes=2 * size)
    for ago_s, key in enumerate("abc"):
        cache.save(key, automaton)
        use(tmp_path, key, 100 - ago_s)
    assert names(tmp_path) == {"b", "c"}


def test_a_file_that_is_read_is_young_again(
    automaton: Automaton, size: int, tmp_path: Path
) -> None:
    cache = AutomatonCache(tmp_path, max_bytes=2 * size)
    for ago_s, key in enumerate("ab"):
        cache.save(key, automaton)
        use(tmp_path, key, 100 - ago_s)
    cache.load("a")
    cache.save("c", automaton)
    assert names(tmp_path) == {"a", "c"}


def test_a_damaged_file_is_reported_and_not_used(
    automaton: Automaton, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = AutomatonCache(tmp_path)
    cache.save("one", automaton)
    path = tmp_path / "one.automaton"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert cache.load("one") is None
    assert "damaged" in caplog.text
    cache.save("one", automaton)
    assert cache.load("one") is not None


def test_drafts_of_processes_that_died_are_removed(automaton: Automaton, tmp_path: Path) -> None:
    old, young = tmp_path / "old.draft", tmp_path / "young.draft"
    for path in (old, young):
        path.touch()
    then_s = time.time() - FORGOTTEN_S - 60
    os.utime(old, (then_s, then_s))
    AutomatonCache(tmp_path).save("one", automaton)
    assert not old.exists()
    assert young.exists()


def test_a_folder_that_cannot_be_is_logged_once_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert AutomatonCache.open(tmp_path / "file" / "automata") is None
    assert len(caplog.records) == 1
    assert AutomatonCache.open(None) is None
    assert len(caplog.records) == 1


def test_a_folder_that_goes_away_is_logged_and_harmless(
    automaton: Automaton, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = AutomatonCache(tmp_path / "gone")
    cache.save("one", automaton)
    assert "not kept" in caplog.text
    assert cache.load("one") is None


def test_the_folder_is_named_or_in_the_user_s_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFLECT_CACHE", "")
    assert default_folder() is None
    monkeypatch.setenv("REFLECT_CACHE", str(tmp_path / "named"))
    assert default_folder() == tmp_path / "named"
    monkeypatch.delenv("REFLECT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "reflection-runtime" / "automata"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".cache" / "reflection-runtime" / "automata"


def test_another_user_s_file_is_read_though_it_cannot_be_made_young(
    automaton: Automaton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(path)

    cache = AutomatonCache(tmp_path)
    cache.save("one", automaton)
    monkeypatch.setattr(os, "utime", refuse)
    assert cache.load("one") is not None


def test_what_is_no_file_stops_no_trimming(automaton: Automaton, size: int, tmp_path: Path) -> None:
    for name in ("folder.automaton", "folder.draft"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    cache = AutomatonCache(tmp_path, max_bytes=size)
    for ago_s, key in enumerate("ab"):
        cache.save(key, automaton)
        use(tmp_path, key, 100 - ago_s)
    assert names(tmp_path) == {"folder", "b"}


def test_a_default_folder_that_is_of_use_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFLECT_CACHE", str(tmp_path))
    with shared_folder():
        assert default_folder() == tmp_path
    assert tmp_path.is_dir()


@pytest.mark.parametrize("named", ["", "file/automata", None])
def test_where_none_is_of_use_a_private_folder_is_shared_for_a_while(
    named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("REFLECT_CACHE")
    if named is not None:
        monkeypatch.setenv("REFLECT_CACHE", named and str(tmp_path / named))
    before = default_folder()
    with shared_folder():
        folder = default_folder()
        assert folder is not None
        assert AutomatonCache.open(folder) is not None
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "kept.automaton").touch()
    assert not folder.exists()
    assert default_folder() == before


def test_where_no_folder_can_be_made_each_process_is_on_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REFLECT_CACHE", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with shared_folder():
        assert default_folder() is None
    assert "no folder can be made" in caplog.text
