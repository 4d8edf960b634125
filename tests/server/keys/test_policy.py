"""Keys are read from where they are written; an open server must be asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

import pytest

from server.keys.keyring import Keyring
from server.keys.policy import EFFORTS, Keys, Policy, PolicyError, check_exposure, is_loopback
from server.protocol.fields import Effort

KEY = "a-key-of-sixteen-or-more"


def admits(keys: Keys, key: str) -> bool:
    return Keyring(keys, Policy()).find(key) is not None


@pytest.mark.parametrize("key", ["#a-key-of-sixteen", "# a key of sixteen", "# nothing"])
def test_a_key_of_the_environment_is_a_key_whatever_it_looks_like(key: str) -> None:
    if len(key) < 16:
        with pytest.raises(PolicyError, match="at least 16"):
            Keys.load(key, None)
        return
    keys = Keys.load(key, None)
    assert admits(keys, key)


@pytest.mark.parametrize("key", ["", " ", "\t\n"])
def test_a_variable_that_is_set_but_blank_is_refused(key: str) -> None:
    with pytest.raises(PolicyError, match="REFLECT_API_KEY is set but holds no key"):
        Keys.load(key, None)


def test_a_key_of_the_environment_may_be_hashed() -> None:
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    assert admits(Keys.load(f"sha256:{hashed}", None), KEY)
    with pytest.raises(PolicyError, match="64"):
        Keys.load("sha256:xyz", None)


def test_a_key_file_holds_raw_and_hashed_keys_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    hashed = hashlib.sha256(b"another-key-of-sixteen").hexdigest()
    file.write_text(f"# ours\n\n{KEY}\nsha256:{hashed}\n")
    keys = Keys.load("the-key-of-the-environment", file)
    assert admits(keys, KEY)
    assert admits(keys, "another-key-of-sixteen")
    assert admits(keys, "the-key-of-the-environment")
    assert not admits(keys, f"sha256:{hashed}")


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
    check_exposure(host, is_guarded=False, is_insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.org"])
def test_beyond_loopback_a_key_is_needed_or_the_word(host: str) -> None:
    with pytest.raises(PolicyError, match="--insecure"):
        check_exposure(host, is_guarded=False, is_insecure=False)
    check_exposure(host, is_guarded=True, is_insecure=False)
    check_exposure(host, is_guarded=False, is_insecure=True)


def test_the_efforts_of_a_policy_are_those_of_a_request() -> None:
    assert get_args(Effort) == EFFORTS
