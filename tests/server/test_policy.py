"""Keys let the right requests in; an open server must be asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from server.policy import Keys, PolicyError, check_exposure, is_loopback

KEY = "a-key-of-sixteen-or-more"


def test_without_keys_everybody_is_let_in() -> None:
    assert Keys().admits(None)
    assert not Keys()


def test_only_the_right_key_is_let_in() -> None:
    keys = Keys.load(KEY, None)
    assert keys.admits(KEY)
    assert not keys.admits(None)
    assert not keys.admits("")
    assert not keys.admits(KEY + "x")
    assert not keys.admits("\udcff")


@pytest.mark.parametrize("key", ["#a-key-of-sixteen", "# a key of sixteen", "# nothing"])
def test_a_key_of_the_environment_is_a_key_whatever_it_looks_like(key: str) -> None:
    if len(key) < 16:
        with pytest.raises(PolicyError, match="at least 16"):
            Keys.load(key, None)
        return
    keys = Keys.load(key, None)
    assert keys.admits(key)
    assert not keys.admits(None)


@pytest.mark.parametrize("key", ["", " ", "\t\n"])
def test_a_variable_that_is_set_but_blank_is_refused(key: str) -> None:
    with pytest.raises(PolicyError, match="REFLECT_API_KEY is set but holds no key"):
        Keys.load(key, None)


def test_a_key_of_the_environment_may_be_hashed() -> None:
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    assert Keys.load(f"sha256:{hashed}", None).admits(KEY)
    with pytest.raises(PolicyError, match="64"):
        Keys.load("sha256:xyz", None)


def test_a_key_file_holds_raw_and_hashed_keys_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    hashed = hashlib.sha256(b"another-key-of-sixteen").hexdigest()
    file.write_text(f"# ours\n\n{KEY}\nsha256:{hashed}\n")
    keys = Keys.load("the-key-of-the-environment", file)
    assert keys.admits(KEY)
    assert keys.admits("another-key-of-sixteen")
    assert keys.admits("the-key-of-the-environment")
    assert not keys.admits(f"sha256:{hashed}")


def test_keys_are_not_shown() -> None:
    keys = Keys.load(KEY, None)
    assert KEY not in repr(keys)
    assert hashlib.sha256(KEY.encode()).hexdigest() not in repr(keys)


@pytest.mark.parametrize("text", ["", "# nothing\n", "short\n", "sha256:xyz\n"])
def test_a_key_file_that_guards_nothing_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(PolicyError, match="keys"):
        Keys.load(None, file)


def test_a_key_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        Keys.load(None, tmp_path / "none")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, Keys(), is_insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.org"])
def test_beyond_loopback_a_key_is_needed_or_the_word(host: str) -> None:
    with pytest.raises(PolicyError, match="--insecure"):
        check_exposure(host, Keys(), is_insecure=False)
    check_exposure(host, Keys.load(KEY, None), is_insecure=False)
    check_exposure(host, Keys(), is_insecure=True)
