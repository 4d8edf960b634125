"""`reflect serve` finds its model, and refuses what would be unsafe or cannot work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decoding.bundle import Bundle
from server.command import main, page_url
from server.http_server import HttpServer
from server.records import logs


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLECT_API_KEY", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_listening_beyond_loopback_without_a_key_is_refused(
    bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle.folder), "--host", "0.0.0.0"]) == 2
    assert "--insecure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--api-key-file", "/nowhere/keys"], "cannot be read"),
        (["--keep-alive", "-1"], "seconds"),
        (["--keep-alive", "nan"], "seconds"),
        (["--reasoning", "maybe"], "hidden"),
    ],
)
def test_flags_that_cannot_work_are_refused(
    arguments: list[str], word: str, bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main([str(bundle.folder), *arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 2
    assert word in capsys.readouterr().err


def test_a_model_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/at/all"]) == 2
    assert "/nowhere/at/all" in capsys.readouterr().err


def test_the_engine_is_given_a_folder_of_automata_where_the_user_has_none(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    monkeypatch.setenv("REFLECT_CACHE", "")
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    monkeypatch.setattr(HttpServer, "run", lambda _: folders.append(os.environ["REFLECT_CACHE"]))
    assert main([str(bundle.folder)]) == 0
    (folder,) = folders
    assert folder
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("::", "http://[::1]:8000/"),
        ("example.org", "http://example.org:8000/"),
    ],
)
def test_the_page_is_named_as_a_browser_here_reaches_it(host: str, url: str) -> None:
    assert page_url(host, 8000) == url
