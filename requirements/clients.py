"""Install other people's clients: `python -m requirements.clients`, as `make clients` does.

Those in Python go into .venv-clients, pinned by clients.txt; those for Node, where npm is there,
into tests/clients/node_modules, pinned by its package-lock.json. What is as it was is left alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from requirements.index import uv_environment
from requirements.install import PYTHON, ROOT, find_installer, run, stamp

VENV = ROOT / ".venv-clients"
PINS = ROOT / "requirements" / "clients.txt"
NODE = ROOT / "tests" / "clients"


def install_python() -> None:
    """Make the environment and install the pins, which are complete."""
    if not (VENV / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", VENV)
    installer = [
        str(VENV / "bin" / "python") if part == PYTHON else part for part in find_installer()
    ]
    run(*installer, "--no-deps", "-r", PINS, env=uv_environment(PYTHON))


def install_node() -> None:
    """Install what the lock names; say so where there is no npm."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: the clients for Node are skipped", flush=True)
        return
    run(npm, "ci", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund", "--prefix", NODE)


def is_done(marker: Path, *files: Path) -> bool:
    """Tell whether the marker says that these files, as they are, have been installed."""
    return marker.is_file() and marker.read_text() == stamp(files)


def main() -> int:
    """Install what is missing."""
    node_files = (NODE / "package.json", NODE / "package-lock.json")
    try:
        for install, marker, files in (
            (install_python, VENV / "stamp", (PINS,)),
            (install_node, NODE / "node_modules" / "stamp", node_files),
        ):
            if not is_done(marker, *files):
                install()
                if marker.parent.is_dir():
                    marker.write_text(stamp(files))
    except subprocess.CalledProcessError as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
