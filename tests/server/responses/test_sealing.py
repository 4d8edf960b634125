"""What is sealed for one key is opened for that key alone, and only as it was."""

from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.errors import RequestError
from server.keys.policy import PolicyError
from server.responses.sealing import Seal, find_secret

SECRET = bytes(range(32))


def refusal(seal: Seal, key_id: str, item_id: str | None, sealed: str) -> str:
    with pytest.raises(RequestError) as caught:
        seal.check(key_id, item_id, sealed)
    assert caught.value.code == "invalid_encrypted_content"
    return caught.value.message


def test_what_was_sealed_is_opened_again() -> None:
    sealed = Seal(SECRET).seal("a", "rs_1", 312)
    assert Seal(SECRET).check("a", "rs_1", sealed) == 312
    assert Seal(SECRET).check("a", None, sealed) == 312


def test_no_two_seals_are_alike_and_none_shows_what_is_in_it() -> None:
    sealed = {Seal(SECRET).seal("a", "rs_1", 312) for _ in range(50)}
    assert len(sealed) == 50
    assert len({len(each) for each in sealed}) == 1
    for each in sealed:
        assert b"rs_1" not in base64.urlsafe_b64decode(each)


def test_every_refusal_says_the_same() -> None:
    seal = Seal(SECRET)
    sealed = seal.seal("a", "rs_1", 312)
    raw = base64.urlsafe_b64decode(sealed)
    wrong = [
        refusal(seal, "b", "rs_1", sealed),
        refusal(seal, "a", "rs_2", sealed),
        refusal(Seal(SECRET[::-1]), "a", "rs_1", sealed),
    ]
    flipped = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(len(raw))]
    texts = ["", "Ü", "AA", "!" * 80, sealed[:-4], sealed + "AAAA", sealed[:20], "\ud800"]
    texts += [base64.urlsafe_b64encode(changed).decode() for changed in flipped]
    wrong += [refusal(seal, "a", "rs_1", text) for text in texts]
    assert len(set(wrong)) == 1


def test_the_variable_comes_before_the_folder(tmp_path: Path) -> None:
    assert find_secret(SECRET.hex(), tmp_path) == SECRET
    assert list(tmp_path.iterdir()) == []


def test_the_folder_keeps_the_secret_for_its_owner(tmp_path: Path) -> None:
    secret = find_secret(None, tmp_path / "data")
    assert find_secret(None, tmp_path / "data") == secret
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_servers_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: find_secret(None, tmp_path), range(24)))) == 1


def test_without_a_folder_every_process_has_its_own() -> None:
    assert find_secret(None, None) != find_secret(None, None)


@pytest.mark.parametrize("text", ["", "abc", "G" * 64, "a" * 63, "a" * 66])
def test_what_is_no_key_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="REFLECT_SEAL_KEY must be 64"):
        find_secret(text, None)
    (tmp_path / "seal.key").write_text(text)
    with pytest.raises(PolicyError, match=r"seal\.key must be 64"):
        find_secret(None, tmp_path)
