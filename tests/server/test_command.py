"""`reflect serve` finds its model, and refuses what would be unsafe or cannot work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decoding.bundle import Bundle, BundleError
from server import command, flags, logs
from server.command import find_model, main, page_url
from server.http_server import HttpServer


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLECT_API_KEY", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_model_is_a_folder_or_the_name_of_one_that_ships(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model(str(bundle.folder)) == bundle.folder
    monkeypatch.setattr(command, "MODELS", bundle.folder.parent)
    assert find_model("tiny") == bundle.folder
    with pytest.raises(BundleError, match="tiny"):
        find_model("other")


def test_a_name_that_is_nowhere_says_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MODELS", tmp_path)
    with pytest.raises(BundleError, match="make demo-model"):
        find_model("demo")
    with pytest.raises(BundleError, match="neither"):
        find_model(str(tmp_path))


def test_a_name_of_a_hub_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(BundleError, match="cannot be downloaded"):
        find_model("nobody/no-such-model")


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


def test_a_model_that_drafts_is_found_as_the_one_that_answers(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MODELS", bundle.folder.parent)
    arguments = flags.parse(["tiny"])
    drafts = {"model": "tiny", "num_speculative_tokens": 3}
    arguments.engine = {"speculative_config": drafts, "seed": 1}
    told = command.engine_settings(arguments, bundle).vllm
    found = str(bundle.folder)
    assert told == {"speculative_config": {**drafts, "model": found}, "seed": 1}
    arguments.engine["speculative_config"] = {"method": "ngram", "model": "ngram"}
    assert command.engine_settings(arguments, bundle).vllm == arguments.engine
    arguments.engine["speculative_config"] = {"model": "no-such-model"}
    with pytest.raises(BundleError, match="no-such-model"):
        command.engine_settings(arguments, bundle)


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
