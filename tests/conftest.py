"""The real engines of a test session: one in this process, one behind the real server.

Each starts when the first test asks for it. Tests that need one run last, first those of the
engine in this process, which is closed before the server starts its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from hypothesis import settings

from decoding.bundle import Bundle
from server.engines.vllm_engine import VllmEngine
from server.engines.vllm_settings import EngineSettings
from tests import llama3

MODELS = Path(__file__).parent.parent / "models"
MAX_NUM_SEQS, MAX_QUEUE = 32, 16
NUM_BLOCKS = 32  # of 128 tokens: a full batch of long replies must be preempted
FIGURES = pytest.StashKey[list[str]]()
START_S = 900.0  # the machine may be busy: three processes import vLLM in turn

settings.register_profile("untimed", deadline=None)  # a busy machine breaks no law
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _folders_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' automata and data out of the user's folders, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFLECT_CACHE", str(tmp_path_factory.mktemp("automata")))
        patch.setenv("REFLECT_DATA", str(tmp_path_factory.mktemp("data")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of one real engine stand together, after all others, the server's last."""

    def rank(item: pytest.Item) -> int:
        names = getattr(item, "fixturenames", ())
        if "engine" in names:
            return 2 if "doomed_engine" in names else 1
        return 0 if item.get_closest_marker("engine") is None else 3

    items.sort(key=rank)


@pytest.fixture(scope="session")
def random_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A tiny Llama of random weights with the real Llama 3 vocabulary."""
    file = llama3.ranks_file()
    if file is None:
        pytest.skip("the package llama-models, which holds Llama 3's tokenizer, is not installed")
    return llama3.make_model_folder(tmp_path_factory.mktemp("models") / "random-llama3", file)


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines to print at the end of the session: what was measured on the way."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures of the real engines."""
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)


@dataclass
class House:
    """Where the engine of this process is, if it was started."""

    engine: VllmEngine | None = None


@pytest.fixture(scope="session")
def house() -> House:
    return House()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(
    random_bundle: Bundle, house: House, figures: list[str]
) -> AsyncIterator[VllmEngine]:
    """The real engine on the random model, with enforcement; its tests share one event loop."""
    pytest.importorskip("vllm", reason="vLLM is not installed")
    started_s = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        house.engine = await VllmEngine.start(
            EngineSettings(
                folder=random_bundle.folder,
                max_num_seqs=MAX_NUM_SEQS,
                max_queue=MAX_QUEUE,
                kv_cache_gib=NUM_BLOCKS * llama3.KV_BLOCK_BYTES / 2**30,
            )
        )
    figures.append(f"engine on the random model: {time.perf_counter() - started_s:.0f} s to start")
    yield house.engine
    await house.engine.close()


@pytest.fixture
def doomed_engine(engine: VllmEngine) -> VllmEngine:
    """The same engine, for the test that ends it: it runs after all others."""
    return engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def vacated(house: House) -> None:
    """Close the engine of this process, so that the real server has the machine for itself."""
    if house.engine is not None:
        await house.engine.close()


@dataclass(frozen=True)
class RealServer:
    """`reflect serve demo` in a process of its own."""

    url: str
    model: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base_url."""
        return f"{self.url}/v1"


@pytest.fixture(scope="session")
def real_server(
    tmp_path_factory: pytest.TempPathFactory, vacated: None, figures: list[str]
) -> Iterator[RealServer]:
    """The real server on the demo model, ready."""
    pytest.importorskip("vllm", reason="vLLM is not installed")
    if not (MODELS / "demo" / "config.json").is_file():
        pytest.skip("models/demo is not built: `make demo-model`")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "reflect", "serve", "demo", "--port", str(port)]
    command += ["--kv-cache-gib", "0.5", "--max-num-seqs", "16", "--log-level", "debug"]
    started_s = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=MODELS.parent,
            env={k: v for k, v in os.environ.items() if k != "REFLECT_API_KEY"},
        )
    server = RealServer(f"http://127.0.0.1:{port}", "demo", process, log)
    try:
        _wait_until_ready(server)
        figures.append(f"real server on the demo model: {time.perf_counter() - started_s:.0f} s")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: RealServer) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(f"{server.url}/ready", trust_env=False, timeout=30).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if server.process.poll() is not None or time.monotonic() > deadline_s:
            pytest.fail(f"the server did not become ready:\n{server.log.read_text()[-4000:]}")
        time.sleep(0.25)
