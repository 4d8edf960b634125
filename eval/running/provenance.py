"""Provenance: the code a score comes from: hashes of scorers, versions of packages, the commit."""

from __future__ import annotations

import ast
import hashlib
import importlib
import platform
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.score import Scorer

ROOT = Path(__file__).resolve().parents[2]
SCORING = ("eval.scorers", "eval.scored_text", "problems")
OF_ALL = ("eval.sample", "eval.scored_text")  # what every score goes through


def scorer_identity(scorer: Scorer) -> dict[str, Any]:
    """Return the manifest's `scorer`: what a score depends on beside the reply."""
    return {
        "name": scorer.name,
        "version": scorer.version,
        "source_sha256": source_sha256(scorer.score.__module__),
        "packages": package_versions(scorer.packages),
    }


def source_sha256(module: str) -> str:
    """Hash the source of a module, of those of ours for scoring that it imports, and of OF_ALL."""
    sources: dict[str, str] = {}
    waiting = [module, *OF_ALL]
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        sources[name] = _source(name)
        waiting += _imports(sources[name])
    text = "".join(f"{name}\0{source}\0" for name, source in sorted(sources.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _source(module: str) -> str:
    file = importlib.import_module(module).__file__
    return Path(file).read_text() if file else ""


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [part if _is_module(part) else node.module for part in parts]
        else:
            continue
        yield from (name for name in names if name.startswith(SCORING))


def _is_module(name: str) -> bool:
    """Whether a name imported from a package is a file of ours, not something in one."""
    path = ROOT.joinpath(*name.split("."))
    return name.startswith(SCORING) and (path.with_suffix(".py").exists() or path.is_dir())


def package_versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the installed version of each; None where it is not installed."""
    return {name: _version(name) for name in sorted(set(packages))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions(packages: Iterable[str]) -> dict[str, Any]:
    """Return the manifest's `versions`."""
    return {"python": platform.python_version(), "packages": package_versions(packages)}


def git_commit() -> str | None:
    """Return the commit of this checkout, `-dirty` where files differ; None where it is none."""
    if not (ROOT / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
