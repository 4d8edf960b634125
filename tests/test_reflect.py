"""The `reflect` command: what it hands over, and what it does not import."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import reflect


def test_a_command_gets_the_arguments_after_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[list[str]] = []

    def main(argv: list[str]) -> int:
        received.append(argv)
        return 3

    command = ModuleType("fake_serve")
    command.main = main  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_serve", command)
    monkeypatch.setitem(reflect.COMMANDS, "serve", ("fake_serve", "serve"))
    assert reflect.main(["serve", "folder", "--port", "1"]) == 3
    assert received == [["folder", "--port", "1"]]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reflect.main([flag]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in reflect.COMMANDS)


def test_without_a_command_the_usage_is_printed_and_it_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert reflect.main([]) == 2
    assert "usage: reflect" in capsys.readouterr().err


def test_an_unknown_command_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert reflect.main(["sreve"]) == 2
    complaint = capsys.readouterr().err
    assert "sreve" in complaint
    assert "serve" in complaint


def test_every_command_is_a_module_of_the_project() -> None:
    root = Path(reflect.__file__).parent
    modules = [module for module, _ in reflect.COMMANDS.values()]
    assert [m for m in modules if not (root / f"{m.replace('.', '/')}.py").is_file()] == []


def test_help_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import reflect; reflect.main(['--help']); "
        "print('\\n', *(set(sys.modules) - before))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    loaded = {name.partition(".")[0] for name in printed.splitlines()[-1].split()}
    assert loaded - sys.stdlib_module_names == {"reflect"}
