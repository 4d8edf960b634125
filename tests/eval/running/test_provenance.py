import hashlib
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eval.running.provenance import (
    OF_ALL,
    ROOT,
    git_commit,
    package_versions,
    scorer_identity,
    source_sha256,
    versions,
)
from tests.eval.sums import SUMS


def test_a_scorer_is_named_with_the_hash_of_its_source() -> None:
    assert SUMS.scorer is not None
    identity = scorer_identity(SUMS.scorer)
    files = {name: f"{name.replace('.', '/')}.py" for name in (*OF_ALL, "tests.eval.sums")}
    text = "".join(f"{name}\0{(ROOT / file).read_text()}\0" for name, file in files.items())
    assert identity == {
        "name": "sums",
        "version": 1,
        "source_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "packages": {},
    }


def hashed_with(folder: Path, source: str, imported: str) -> str:
    """Hash a scorer in a package of its own, in a process of its own."""
    package = folder / "eval" / "scorers"
    package.mkdir(parents=True, exist_ok=True)
    (package / "zz_first.py").write_text(source)
    (package / "zz_second.py").write_text(imported)
    code = (
        "import eval.scorers, json\n"
        f"eval.scorers.__path__.append({str(package)!r})\n"
        "from eval.running import provenance\n"
        "print(json.dumps(provenance.source_sha256('eval.scorers.zz_first')))"
    )
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement",
    ["from eval.scorers.zz_second import read\n", "import eval.scorers.zz_second\n"],
)
def test_a_change_in_what_a_scorer_imports_changes_its_hash(tmp_path: Path, statement: str) -> None:
    first = hashed_with(tmp_path, statement, "read = 1\n")
    assert hashed_with(tmp_path, statement, "read = 1\n") == first
    assert hashed_with(tmp_path, statement, "read = 2\n") != first
    assert hashed_with(tmp_path, "import json\n" + statement, "read = 1\n") != first


def test_every_module_for_scoring_that_a_scorer_imports_is_in_its_hash() -> None:
    assert len({source_sha256(f"eval.scorers.{name}") for name in ("gsm8k", "letters")}) == 2


def test_versions_name_what_is_installed_and_what_is_not() -> None:
    told = package_versions(["aiohttp", "no-such-distribution"])
    assert re.match(r"\d+\.", told["aiohttp"] or "")
    assert told["no-such-distribution"] is None
    assert versions([]) == {"python": platform.python_version(), "packages": {}}


def test_the_commit_is_a_whole_hash_that_says_whether_files_differ() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("the project is no git checkout here")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", git_commit() or "")
