"""`reflect promote`: what it asks for, what it prints, and its exit status."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from decoding.bundle import Bundle, GoldenReply
from server.fingerprint import fingerprint
from server.model import ServedModel
from server.promotion.command import FAILED, KEPT, PROMOTED, REFUSED, main
from tests.conftest import MODELS, RealServer
from tests.live import LiveServer
from tests.server.versions import Versions, make_version, served
from tests.weights import greedy_in_transformers, make_variant

ROOT = Path(__file__).resolve().parents[3]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def versions(bundle: Bundle, tmp_path: Path) -> Versions:
    make_version(bundle.folder, tmp_path / "v2", 2)
    return Versions(make_version(bundle.folder, tmp_path / "v1", 1).folder)


@pytest.fixture
def live(versions: Versions, model: ServedModel) -> Iterator[LiveServer]:
    old = Bundle.load(versions.now)
    with LiveServer(served(model, old), bundle=old, engine=versions.engine()) as server:
        versions.install(server)
        yield server


def promote(server: LiveServer, folder: Path, *more: str) -> int:
    return main([str(folder), "--base-url", server.base_url, *more])


def test_it_tells_which_weights_are_served_now(
    live: LiveServer, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = live.service.fingerprint
    assert promote(live, Path("v2")) == PROMOTED
    said = capsys.readouterr().out
    assert f"{before} -> {live.service.fingerprint};" in said
    assert live.service.fingerprint != before


@pytest.mark.parametrize(
    ("broken", "status", "words"),
    [({"v2"}, KEPT, "taken back"), ({"v1", "v2"}, FAILED, "restart the server")],
)
def test_a_promotion_that_fails_says_what_is_served(
    broken: set[str],
    status: int,
    words: str,
    live: LiveServer,
    versions: Versions,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    versions.broken |= broken
    assert promote(live, tmp_path / "v2") == status
    assert words in capsys.readouterr().err


def test_what_is_refused_is_told_apart_from_what_failed(
    live: LiveServer, tmp_path: Path, capsys: Capture
) -> None:
    assert promote(live, tmp_path) == REFUSED
    assert "config.json" in capsys.readouterr().err
    assert live.engine.reloads == []


def test_where_nobody_listens_it_says_so(capsys: Capture) -> None:
    assert main(["folder", "--base-url", "http://127.0.0.1:9"]) == KEPT
    assert "no answer from http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.engine
def test_the_real_server_takes_new_weights_and_the_old_ones_again(
    real_server: RealServer, tmp_path: Path
) -> None:
    demo = MODELS / "demo"
    new = make_variant(demo, tmp_path / "new", 1)
    old_bundle, bundle = Bundle.load(demo), Bundle.load(new)
    wrong = promote_really(real_server, new)  # it has the golden replies of the old weights
    assert wrong.returncode == KEPT, wrong.stderr
    assert "golden reply 0" in wrong.stderr
    assert serves(real_server, demo)
    prompts = [golden.prompt_token_ids for golden in old_bundle.golden_replies]
    replies = greedy_in_transformers(new, prompts, 24)
    golden = tuple(GoldenReply(*map(tuple, pair)) for pair in zip(prompts, replies, strict=True))
    replace(bundle, golden_replies=golden).save()
    right = promote_really(real_server, new)
    assert right.returncode == PROMOTED, right.stderr
    assert serves(real_server, new)
    back = promote_really(real_server, demo)
    assert back.returncode == PROMOTED, back.stderr
    assert serves(real_server, demo)


def promote_really(server: RealServer, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reflect", "promote", str(folder), "--base-url", server.url]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def serves(server: RealServer, folder: Path) -> bool:
    """Tell whether the server's replies, and its list of models, name this folder's weights."""
    asked = {"model": "demo", "messages": [{"role": "user", "content": "Make 50 from 4, 6 and 9."}]}
    url = f"{server.base_url}/chat/completions"
    answer = httpx.post(url, json=asked, timeout=120, trust_env=False).json()
    (model,) = httpx.get(f"{server.base_url}/models", trust_env=False).json()["data"]
    assert answer["system_fingerprint"] == model["system_fingerprint"]
    return bool(answer["system_fingerprint"] == fingerprint(folder))
