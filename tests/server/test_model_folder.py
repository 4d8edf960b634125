"""The folder of a model is found by its path, or by the name of one that ships or is on a hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoding.bundle import Bundle, BundleError
from server import model_folder
from server.model_folder import find_model


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_model_is_a_folder_or_the_name_of_one_that_ships(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_model(str(bundle.folder)) == bundle.folder
    monkeypatch.setattr(model_folder, "MODELS", bundle.folder.parent)
    assert find_model("tiny") == bundle.folder
    with pytest.raises(BundleError, match="tiny"):
        find_model("other")


def test_a_name_that_is_nowhere_says_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "MODELS", tmp_path)
    with pytest.raises(BundleError, match="make demo-model"):
        find_model("demo")
    with pytest.raises(BundleError, match="neither"):
        find_model(str(tmp_path))


def test_a_name_of_a_hub_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(BundleError, match="cannot be downloaded"):
        find_model("nobody/no-such-model")
