"""Set up .venv with the pinned packages of this machine: `python -m requirements.install [--dev]`.

It needs nothing but the standard library of Python 3.11 to 3.13. A stamp in .venv, a digest of all
that it installs from, lets the next run return at once.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from requirements.index import uv_environment

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = "uv==0.13.8"
KINDS = ("cpu", "cuda")
TORCH_MISSING = (
    "No package index here has {torch}, PyTorch's build for the CPU: set PIP_EXTRA_INDEX_URL to an "
    "index that carries it, or PIP_FIND_LINKS to a folder with its wheel ({reason})."
)


class SetupError(Exception):
    """What stops the set-up, as one sentence for the user."""


def choose_kind(wanted: str | None) -> str:
    """Return the wanted kind, else `cuda` where nvidia-smi lists a GPU, else `cpu`."""
    if wanted:
        if wanted not in KINDS:
            raise SetupError(f"KIND is {wanted!r}, but there is only {' and '.join(KINDS)}.")
        return wanted
    program = shutil.which("nvidia-smi")
    if program is None:
        return "cpu"
    listing = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return "cuda" if listing.returncode == 0 and "GPU" in listing.stdout else "cpu"


def pin_lists(kind: str, *, is_dev: bool) -> list[Path]:
    """Return the lists that a set-up of this kind installs."""
    names = [kind, "dev"] if is_dev else [kind]
    return [ROOT / "requirements" / f"{name}.txt" for name in names]


def stamp(files: Iterable[Path], *context: str) -> str:
    """Return a digest of the files' names and bytes and of the context."""
    digest = hashlib.sha256("\0".join(context).encode())
    for file in files:
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def stamp_of(kind: str, *, is_dev: bool) -> str:
    """Return the stamp of a finished set-up of this tree, with this kind, in this .venv."""
    files = [*pin_lists(kind, is_dev=is_dev), ROOT / "pyproject.toml", Path(__file__)]
    return stamp(files, str(ROOT), kind, UV)


def finished_kind(*, is_dev: bool) -> str | None:
    """Return the kind that a finished, unchanged set-up installed, None when there is none."""
    recorded = VENV / f"stamp{'-dev' if is_dev else ''}"
    if not (recorded.is_file() and PYTHON.exists()):
        return None
    kind, _, digest = recorded.read_text().partition(" ")
    return kind if kind in KINDS and digest == stamp_of(kind, is_dev=is_dev) else None


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a command with its output shown."""
    subprocess.run(command, check=True, env=env, cwd=ROOT)


def attempt(*command: str | Path, env: dict[str, str] | None = None) -> str | None:
    """Run a command silently; return None when it succeeds, else the last line it complained."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=ROOT)
    complaint = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return None if done.returncode == 0 else complaint[-1].strip()


def recorded_kind() -> str | None:
    """Return the kind of packages that .venv has, None before its first finished set-up."""
    recorded = VENV / "stamp"
    return recorded.read_text().partition(" ")[0] if recorded.is_file() else None


def make_venv(kind: str) -> None:
    """Make .venv with this Python and with pip in it; one that works is kept."""
    if not PYTHON.exists() or recorded_kind() not in {None, kind}:
        print(f"making .venv with Python {sys.version.split()[0]}", flush=True)
        if attempt(sys.executable, "-m", "venv", "--clear", VENV):
            raise SetupError(
                f"{sys.executable} cannot make a virtual environment: install its venv module "
                "(Debian and Ubuntu: python3-venv), or set PYTHON to another Python >= 3.11."
            )
    if attempt(PYTHON, "-m", "pip", "--version"):
        attempt(PYTHON, "-m", "ensurepip")


def find_installer() -> list[str | Path]:
    """Return the start of the install command: uv, put into .venv for its speed, else pip."""
    uv = VENV / "bin" / "uv"
    if not uv.exists() and attempt(PYTHON, "-m", "pip", "install", "--quiet", UV):
        print("uv is not to be had here; pip takes its place and some minutes", flush=True)
        return [PYTHON, "-m", "pip", "install"]
    return [uv, "pip", "install", "--python", PYTHON]


def find_torch(command: Sequence[str | Path], pins: Path, env: dict[str, str]) -> list[str]:
    """Return the option that makes torch's CPU build available, [] when it is without any."""
    torch = next(line for line in pins.read_text().splitlines() if line.startswith("torch=="))
    dry_run = [*command, "--dry-run", "--no-deps", torch]
    reason = attempt(*dry_run, env=env)
    if reason is None:
        return []
    backend = ["--torch-backend", "cpu"]
    if attempt(*dry_run, *backend, env=env) is None:
        return backend
    raise SetupError(TORCH_MISSING.format(torch=torch, reason=reason))


def install(kind: str, *, is_dev: bool) -> None:
    """Install the pinned lists, which are complete, and then the project itself."""
    make_venv(kind)
    command = find_installer()
    env = uv_environment(PYTHON)
    lists = pin_lists(kind, is_dev=is_dev)
    option = find_torch(command, lists[0], env) if kind == "cpu" else []
    pins = [argument for file in lists for argument in ("-r", file)]
    print(f"installing {', '.join(file.name for file in lists)} into .venv", flush=True)
    run(*command, "--no-deps", *option, *pins, env=env)
    run(*command, "--no-deps", "--no-build-isolation", "-e", ".", env=env)


def main(argv: list[str] | None = None) -> int:
    """Set up .venv unless it is already as this tree wants it."""
    parser = argparse.ArgumentParser(prog="python -m requirements.install", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="add what tests and checks need")
    is_dev = parser.parse_args(argv).dev
    wanted = os.environ.get("KIND") or None
    finished = finished_kind(is_dev=is_dev)
    if finished is not None and wanted in {None, finished}:
        return 0
    try:
        kind = choose_kind(wanted)
        install(kind, is_dev=is_dev)
    except (SetupError, subprocess.CalledProcessError) as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 1
    for flag in {False, is_dev}:
        name = f"stamp{'-dev' if flag else ''}"
        (VENV / name).write_text(f"{kind} {stamp_of(kind, is_dev=flag)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
