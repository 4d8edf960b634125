"""Other people's clients against the server: each a program of its own, in its own environment.

`make clients` installs them and runs this; a client that is not installed is skipped.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes import Call, Script
from tests.live import LiveServer

FOLDER = Path(__file__).parent
PYTHON = FOLDER.parent.parent / ".venv-clients" / "bin" / "python"
CLIENTS = sorted(path.name for path in (*FOLDER.glob("*_client.py"), *FOLDER.glob("*.mjs")))
LIMIT_S = 300
NAME = re.compile(r'"name":"(\w+)"')


def command(client: str) -> list[str]:
    """Return what runs a client; skip where it is not installed."""
    if client.endswith(".py"):
        if not PYTHON.exists():
            pytest.skip("there is no .venv-clients: run `make clients`")
        return [str(PYTHON), "-W", "ignore", str(FOLDER / client)]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip("there is no tests/clients/node_modules: run `make clients`")
    return [node, str(FOLDER / client)]


def answer_with(server: LiveServer, call: Call) -> Script:
    """Write what the request demands; tell the weather once the tool has."""
    prompt = server.model.vocabulary.decode(call.prompt_token_ids)
    if call.constraint is None:
        return server.script("7 apples")
    if call.constraint.kind != "tool_calls":
        return server.script('{"name":"Mia","age":7}')
    if b"22 degrees" in prompt:
        return server.script("It is 22 degrees.")
    (name, *_) = NAME.findall(call.constraint.source)
    arguments = '{"city":"Rome"}' if name == "get_weather" else '{"name":"Mia","age":7}'
    return server.script(f'{{"name": "{name}", "parameters": {arguments}}}')


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_streams_calls_tools_gets_objects_and_usage(
    client: str, server: LiveServer
) -> None:
    run = command(client)
    server.say_by(lambda call: answer_with(server, call))
    done = subprocess.run(
        [*run, server.base_url, server.model_name],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=FOLDER,
    )
    assert done.returncode == 0, done.stderr[-4000:]
