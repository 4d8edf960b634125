from pathlib import Path

import pytest

from eval.running.side import Side, key

HERE = "http://here/v1"


@pytest.mark.parametrize(
    ("text", "side"),
    [
        (None, Side(base_url=HERE)),
        ("demo", Side("demo", base_url=HERE)),
        ("org/model", Side("org/model", base_url=HERE)),
        ("http://there/v1", Side(base_url="http://there/v1")),
        ("https://there/v1#org/model", Side("org/model", base_url="https://there/v1")),
        ("not/a/folder", Side("not/a/folder", base_url=HERE)),
    ],
)
def test_a_side_is_a_name_or_a_url(text: str | None, side: Side) -> None:
    assert Side.read(text, HERE) == side


def test_a_folder_with_a_model_in_it_is_served(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert Side.read(str(tmp_path), HERE) == Side(folder=str(tmp_path))


def test_a_url_is_there_already() -> None:
    with Side(base_url=HERE).opened(print) as base_url:
        assert base_url == HERE


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFLECT_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert key() is None
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    assert key() == "second"
    monkeypatch.setenv("REFLECT_API_KEY", "first")
    assert key() == "first"
