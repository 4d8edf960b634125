"""`reflect keys` makes keys that are shown once, lists them without, and revokes them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from server.database import open_database
from server.keys.command import main
from server.keys.policy import Policy
from server.keys.store import KeyStore, StoredKey, digest_key


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REFLECT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def stored(folder: Path) -> list[StoredKey]:
    store = KeyStore.open(f"sqlite:///{folder / 'keys.db'}")
    keys = list(store.read())
    store.close()
    return keys


def test_a_key_is_printed_alone_and_stored_with_its_policy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = "--model a --model b --rpm 1 --tpm 2 --max-parallel 3 --max-effort low"
    flags += " --max-thinking-tokens 4 --max-tokens 5 --reasoning --admin --record --expires 2h"
    assert main(["add", "ann b.", *flags.split()]) == 0
    secret = capsys.readouterr().out.strip()
    (key,) = stored(folder)
    assert key.digest == digest_key(secret)
    assert key.name == "ann b."
    assert key.policy == Policy(
        frozenset({"a", "b"}), "low", 4, 5, 1, 2, 3,
        may_see_reasoning=True, is_admin=True, is_recorded=True,
    )  # fmt: skip
    assert key.expires_at_s is not None
    assert abs(key.expires_at_s - time.time() - 7200) < 600


def test_a_key_may_do_little_unless_it_is_said(folder: Path) -> None:
    assert main(["add", "ann"]) == 0
    assert stored(folder)[0].policy == Policy()


def test_the_list_shows_everything_but_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    main(["add", "ann", "--rpm", "60", "--admin", "--model", "demo"])
    main(["add", "bob"])
    secrets = capsys.readouterr().out.split()
    main(["revoke", "bob"])
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for word in ("ann", "bob", "models=demo rpm=60 admin", "valid", "revoked", "never", "default"):
        assert word in printed
    for secret in secrets:
        assert secret not in printed
        assert digest_key(secret).hex() not in printed


def test_a_key_is_revoked_by_its_id_or_a_name_that_is_the_only_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["add", "ann"])
    main(["add", "ann"])
    assert main(["revoke", "ann"]) == 1
    ids = [key.id for key in stored(folder)]
    complaint = capsys.readouterr().err
    assert all(id in complaint for id in ids)
    assert main(["revoke", ids[0]]) == 0
    assert main(["revoke", "ann"]) == 0
    assert main(["revoke", "ann"]) == 1
    assert "reflect keys list" in capsys.readouterr().err
    assert all(key.revoked_at_s for key in stored(folder))


@pytest.mark.parametrize(
    "flags",
    [
        ["--rpm", "0"],
        ["--tpm", "many"],
        ["--max-effort", "huge"],
        ["--expires", "tomorrow"],
        ["--expires", "2020-01-01"],
        ["--expires", "0d"],
    ],
)
def test_limits_that_make_no_sense_are_refused(flags: list[str], folder: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["add", "ann", *flags])
    assert stop.value.code == 2
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "x" * 65])
def test_a_name_that_would_spoil_the_list_is_refused(name: str) -> None:
    with pytest.raises(SystemExit):
        main(["add", name])


def test_another_store_is_named_by_its_url_or_folder(tmp_path: Path, folder: Path) -> None:
    assert main(["add", "ann", "--keys-url", f"sqlite:///{tmp_path / 'other.db'}"]) == 0
    assert main(["add", "ann", "--data", str(tmp_path / "more")]) == 0
    assert (tmp_path / "other.db").is_file()
    assert (tmp_path / "more" / "keys.db").is_file()
    assert not folder.exists()


def test_a_key_of_a_newer_version_is_named_and_the_others_listed_and_revoked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("odd", "ann"):
        assert main(["add", name]) == 0
    odd = stored(folder)[0] if stored(folder)[0].name == "odd" else stored(folder)[1]
    database = open_database(f"sqlite:///{folder / 'keys.db'}")
    with database.begin() as connection:
        connection.execute(text(f"UPDATE api_keys SET policy = '[]' WHERE id = '{odd.id}'"))
    database.dispose()
    capsys.readouterr()
    assert main(["list"]) == 0
    said = capsys.readouterr()
    assert "ann" in said.out
    assert f"{odd.id} cannot be read" in said.err
    assert main(["revoke", "ann"]) == 0


def test_without_a_folder_a_store_must_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REFLECT_DATA", "")
    assert main(["list"]) == 1
    assert "--data" in capsys.readouterr().err
