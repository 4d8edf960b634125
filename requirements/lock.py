"""Resolve pyproject.toml into the pinned lists: `python -m requirements.lock [--upgrade]`.

For maintainers, with uv in .venv and an index that has torch's CPU build. A list holds names and
versions only, no host and no path, so it installs from any index.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from requirements.index import uv_environment
from requirements.install import PYTHON, ROOT, VENV

FOLDER = ROOT / "requirements"
HEADER = "# Made by `make lock` for x86-64 Linux; install it with --no-deps.\n"
PLATFORM = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_35"]
RUNTIME = ["--extra", "train", "--extra", "eval"]


def resolve(name: str, options: Sequence[str], env: dict[str, str]) -> None:
    """Write requirements/<name>.txt, keeping the versions in it that still fit."""
    target = FOLDER / f"{name}.txt"
    uv: list[str | Path] = [VENV / "bin" / "uv", "pip", "compile", ROOT / "pyproject.toml"]
    style: list[str | Path] = ["--quiet", "--no-header", "--no-annotate", "--output-file", target]
    subprocess.run([*uv, *PLATFORM, *style, *options], check=True, env=env)
    target.write_text(HEADER + target.read_text().removeprefix(HEADER))


def read_pins(file: Path) -> set[str]:
    """Return the lines of a list that pin a package."""
    return {line for line in file.read_text().splitlines() if "==" in line}


def without_local_builds(env: dict[str, str]) -> dict[str, str]:
    """Return the environment with the default index only: 2.13.0+cpu sorts above 2.13.0."""
    return {name: value for name, value in env.items() if name not in {"UV_FIND_LINKS", "UV_INDEX"}}


def main(argv: list[str] | None = None) -> int:
    """Resolve the three lists, then leave in dev.txt only what the other two lack."""
    options = sys.argv[1:] if argv is None else argv
    env = uv_environment(PYTHON)
    cpu, cuda, dev = (FOLDER / f"{name}.txt" for name in ("cpu", "cuda", "dev"))
    for kind, environment in (("cpu", env), ("cuda", without_local_builds(env))):
        overrides = str(FOLDER / f"overrides-{kind}.txt")
        resolve(kind, ["--extra", kind, *RUNTIME, "--override", overrides, *options], environment)
    resolve("dev", ["--extra", "dev", "--constraint", str(cpu), *options], env)
    # Clients live in an environment of their own, and from the default index alone.
    lone = ["--extra", "clients", "--no-emit-package", "reflection-runtime", *options]
    resolve("clients", lone, without_local_builds(env))
    own = read_pins(dev) - (read_pins(cpu) & read_pins(cuda))
    dev.write_text(HEADER + "".join(f"{pin}\n" for pin in sorted(own)))
    if any("+cpu" in pin for pin in read_pins(cuda)):
        print("cuda.txt has a CPU build: lock with an index that lacks them", file=sys.stderr)
        return os.EX_DATAERR
    return 0


if __name__ == "__main__":
    sys.exit(main())
