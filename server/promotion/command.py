"""Give a running server new weights without a restart: `reflect promote FOLDER`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.client import CONNECT_S, open_client

if TYPE_CHECKING:
    import httpx

BASE_URL = "http://127.0.0.1:8000"
POLL_S = 0.5
SWAP_S = 1800.0  # for reading large weights, beside what running replies may take
EPILOG = """exit status: 0 the folder is served; 1 it is not, the old weights are; 2 the folder, the
key or the command line is refused, nothing was tried; 3 nothing is served, see the message

The running replies end with the old weights; requests that come meanwhile wait and get the new
ones. The weights must write the golden replies of their bundle, or the old ones come back. A server
that is restarted serves the folder it is started with: change that too.
"""
PROMOTED, KEPT, REFUSED, FAILED = 0, 1, 2, 3


def main(argv: list[str] | None = None) -> int:
    """Promote a folder and tell how it went; see EPILOG for the status."""
    arguments = _parser().parse_args(argv)
    key = os.environ.get(arguments.api_key_env)
    import httpx

    base_url = arguments.base_url.rstrip("/").removesuffix("/v1")
    client = open_client(base_url, key, arguments.wait + SWAP_S)
    folder = Path(arguments.folder)
    body = {
        "folder": str(folder.resolve()) if folder.exists() else arguments.folder,
        "wait_s": arguments.wait,
        "is_untested": arguments.untested,
    }
    try:
        with client:
            return _tell(_promote(client, body))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        print(f"reflect promote: no answer from {base_url}: {error}", file=sys.stderr)
        return KEPT
    except KeyboardInterrupt:
        print("reflect promote: the server goes on with it", file=sys.stderr)
        return 130


def _promote(client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    """Ask for the promotion, and print its stages while it runs."""
    is_over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(client, is_over), daemon=True)
    watcher.start()
    try:
        return client.post("/admin/promote", json=body)
    finally:
        is_over.set()
        watcher.join(CONNECT_S)


def _watch(client: httpx.Client, is_over: threading.Event) -> None:
    import httpx

    seen = None
    while not is_over.wait(POLL_S):
        try:
            state = client.get("/admin/promote", timeout=CONNECT_S).json()
            stage = state["stage"]
        except (httpx.TransportError, ValueError, KeyError, TypeError):
            continue
        if stage not in (None, seen):
            seen = stage
            waiting = f" for {state['num_running']} replies" if stage == "waiting" else ""
            print(f"{stage.replace('_', ' ')}{waiting}", file=sys.stderr)


def _tell(answer: httpx.Response) -> int:
    """Print the outcome and return the exit status for it."""
    try:
        document = answer.json()
        if answer.is_success:
            print(
                f"promoted: {document['previous_fingerprint']} -> {document['fingerprint']}; "
                f"{document['num_held']} requests were held for {document['swap_s']:.1f} s"
            )
            return PROMOTED
        code, message = document["error"]["code"], document["error"]["message"]
    except (ValueError, KeyError, TypeError):
        code, message = None, f"the server answered {answer.status_code}"
    print(f"reflect promote: {message}", file=sys.stderr)
    if code == "promotion_failed":
        return FAILED
    return KEPT if answer.status_code in (409, 422) or answer.status_code >= 500 else REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reflect promote",
        description="Give a running server the weights of another folder, without a restart.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="a model folder on the server's machine")
    add("--base-url", default=BASE_URL, help=f"URL of the server (default {BASE_URL})")
    add(
        "--api-key-env", default="REFLECT_API_KEY", metavar="NAME",
        help="variable that holds an administrator's key (default REFLECT_API_KEY)",
    )  # fmt: skip
    add(
        "--wait", type=float, default=120.0, metavar="SECONDS",
        help="how long running replies may take to end (default 120)",
    )  # fmt: skip
    add(
        "--untested", action="store_true",
        help="take a folder without golden replies, which nobody can test (default off)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
