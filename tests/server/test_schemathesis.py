"""schemathesis, which makes requests up from our own /openapi.json, right ones and wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.live import LiveServer

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection"
)
NUM_EXAMPLES, SEED, LIMIT_S = 5, 1, 600


def test_made_up_requests_are_answered_as_described(server: LiveServer, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from schemathesis.cli import schemathesis"]
    command[-1] += "; schemathesis()"
    options = [
        "run",
        f"{server.url}/openapi.json",
        f"--checks={CHECKS}",
        f"--max-examples={NUM_EXAMPLES}",
        f"--seed={SEED}",
        "--phases=fuzzing",
        "--continue-on-failure",
        "--generation-database=none",
        "--suppress-health-check=all",
        "--no-color",
    ]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=LIMIT_S, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
