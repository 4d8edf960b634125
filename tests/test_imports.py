"""What the packages import: only what they declare, and only where it may stand."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {
    "client",
    "decoding",
    "estimates",
    "eval",
    "files",
    "pages",
    "problems",
    "reflect",
    "server",
    "train",
}
# read where a client's type or a raw tokenizer file asks for them, and not before
LATE = {
    ("decoding/schemas/json_type.py", "pydantic"),
    ("decoding/vocabularies/sentencepiece_model.py", "sentencepiece"),
}


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """Yield (file, top-level package) for each import of a third party below a folder."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names}:
                if name not in OURS | sys.stdlib_module_names:
                    yield str(file.relative_to(ROOT)), name


def normalized(requirement: str) -> str:
    """Return the name of a requirement as an index spells it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement)[0]).lower()


def test_decoding_outside_its_adapters_imports_only_numpy() -> None:
    found = {pair for pair in imported("decoding") if not pair[0].startswith("decoding/adapters/")}
    assert {pair for pair in found if pair[1] != "numpy"} == LATE


@pytest.mark.parametrize(
    "package",
    ["client", "decoding", "estimates", "eval", "files", "pages", "problems", "server", "train"],
)
def test_a_package_imports_only_what_the_project_declares(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = {
        normalized(requirement)
        for requirement in [
            *project["dependencies"],
            *(name for kind in extras.keys() - {"dev"} for name in extras[kind]),
        ]
    }
    owners = packages_distributions()
    undeclared = {
        (file, name)
        for file, name in imported(package)
        if not declared & {normalized(owner) for owner in owners.get(name, [name])}
    }
    assert undeclared == set()


@pytest.mark.parametrize("package", ["decoding", "pages", "problems", "train", "server", "eval"])
def test_importing_a_package_loads_no_engine(package: str) -> None:
    program = f"import sys, {package}; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"torch", "transformers", "vllm"} & set(printed.split())


def test_importing_every_module_of_decoding_but_the_adapters_loads_no_engine() -> None:
    files = (file.relative_to(ROOT).with_suffix("") for file in (ROOT / "decoding").rglob("*.py"))
    modules = [".".join(file.parts) for file in files if "adapters" not in file.parts]
    program = f"import sys; import {', '.join(modules)}; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"torch", "transformers", "vllm"} & set(printed.split())
