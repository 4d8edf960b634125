"""PostgresServer: a PostgreSQL of Debian's package, on a folder and a port of its own."""

from __future__ import annotations

import getpass
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BINARIES = Path("/usr/lib/postgresql")
WAIT_S = 60.0
SUPERUSER = "postgres"


def find_binaries() -> Path | None:
    """Return the folder of the newest server that is installed."""
    found = [file.parent for file in BINARIES.glob("*/bin/initdb")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


class PostgresServer:
    """Runs while the context is open; root lends it the user of the package, as it must."""

    def __init__(self) -> None:
        """Prepare; nothing runs yet. What `why_not` says must be nothing."""
        self._binaries = find_binaries() or BINARIES
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[Any] | None = None
        self._as_user: dict[str, Any] = {}
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def __enter__(self) -> Self:
        """Make a cluster, start it and wait until it answers."""
        self._run("initdb", "-A", "trust", "-U", SUPERUSER, "--no-sync", "-D", "data")
        command = [str(self._binaries / "postgres"), "-D", "data", "-p", str(self._port)]
        self._process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-k", str(self._folder), "-F"],
            cwd=self._folder,
            stderr=subprocess.DEVNULL,
            **self._as_user,
        )
        deadline_s = time.monotonic() + WAIT_S
        while self._is_silent():
            if time.monotonic() > deadline_s:
                raise AssertionError("PostgreSQL did not start in time")
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it and remove what it kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # SIGTERM would wait for open connections
            self._process.wait()
        shutil.rmtree(self._folder)

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", SUPERUSER, name)
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self._port}/{name}"

    def _is_silent(self) -> bool:
        command = [
            str(self._binaries / "pg_isready"),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
        ]
        return subprocess.run(command).returncode != 0

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd=self._folder,
            check=True,
            capture_output=True,
            **self._as_user,
        )


def why_not() -> str | None:
    """Return why this machine cannot run it, or None."""
    if find_binaries() is None:
        return "PostgreSQL is not installed: Debian's package is called postgresql"
    if not os.geteuid():
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return f"PostgreSQL does not run as {getpass.getuser()}, and no user postgres is there"
    return None
