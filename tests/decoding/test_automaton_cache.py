"""The folder of automata stays within its size, and never fails who uses it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from decoding.automaton import Automaton
from decoding.automaton_cache import FORGOTTEN_S, AutomatonCache, default_folder


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
