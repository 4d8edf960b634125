"""Talk to a server in the terminal: `reflect chat`, or `echo "question" | reflect chat`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from server.client import open_client
from server.conversation import ChatError, Conversation, error_message

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

BASE_URL = "http://127.0.0.1:8000/v1"
SILENCE_S, POLL_S = 120.0, 0.5
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # they could drive the terminal
HELP = "/new begins a new conversation, /exit ends; Ctrl-C stops a reply, Ctrl-D ends"


def main(argv: list[str] | None = None) -> int:
    """Chat until the person ends it; return 1 when the server cannot be used."""
    arguments = _parser().parse_args(argv)
    from rich.console import Console

    notes = Console(stderr=True, highlight=False)
    base_url = arguments.base_url.rstrip("/") + "/"
    client = open_client(base_url, os.environ.get("REFLECT_API_KEY"), SILENCE_S)
    try:
        with client:
            _wait_until_ready(client, notes)
            model = arguments.model or _first_model(client)
            conversation = Conversation(client, {"model": model} | _options(arguments))
            if sys.stdin.isatty():
                _talk(conversation, notes, model)
            else:
                _show(conversation, sys.stdin.read().strip(), notes)
    except ChatError as error:
        _complain(notes, error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _talk(conversation: Conversation, notes: Console, model: str) -> None:
    """Read a question, show its answer, until /exit or the end of the input."""
    import readline  # noqa: F401  (gives input() its line editing)

    notes.print(f"[bold]{model}[/bold]  {HELP}", style="dim")
    while True:
        try:
            text = input("\n> ").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            notes.print(f"\n{HELP}", style="dim")
            continue
        if text in {"/exit", "/quit"}:
            return
        if text == "/new":
            conversation.messages.clear()
        elif text.startswith("/"):
            notes.print(HELP, style="dim")
        elif text:
            try:
                _show(conversation, text, notes)
            except ChatError as error:
                _complain(notes, error)
            except KeyboardInterrupt:
                notes.print("\nstopped", style="dim")


def _show(conversation: Conversation, text: str, notes: Console) -> None:
    """Stream one answer to standard output; until it begins, a terminal sees how it thinks."""
    if not text:
        raise ChatError("there is no question: write one to standard input")
    with closing(conversation.ask(text)) as pieces:
        with _Spinner(notes, "thinking") as spinner:
            conversation.on_progress = spinner.tell if notes.is_terminal else None
            first = next((piece for piece in pieces if piece), "")
        _write(first)
        for piece in pieces:
            _write(piece)
    _write("\n")


class _Spinner:
    """A line that says what is going on and for how long, on a terminal only; gone at the end."""

    def __init__(self, notes: Console, what: str) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn

        line = TextColumn("{task.description} … {task.elapsed:.1f} s{task.fields[more]}")
        self._progress = Progress(
            SpinnerColumn(), line, console=notes, transient=True, disable=not notes.is_terminal
        )
        self._task = self._progress.add_task(what, total=None, more="")

    def __enter__(self) -> _Spinner:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, progress: dict[str, Any]) -> None:
        """Show the progress of a reply as the server tells it."""
        what = "reflecting" if progress["section"] == "reflection" else "thinking"
        more = f", {progress['hidden_tokens']} tokens"
        self._progress.update(self._task, description=what, more=more)


def _write(text: str) -> None:
    sys.stdout.write(CONTROL_CHARACTERS.sub("", text))
    sys.stdout.flush()


def _complain(notes: Console, error: ChatError) -> None:
    notes.print(f"reflect chat: {error}", style="red", markup=False)


def _wait_until_ready(client: httpx.Client, notes: Console) -> None:
    """Wait while the server loads its model; raise ChatError if it cannot be used."""
    import httpx

    url = client.base_url.join("../ready")
    with _Spinner(notes, "the model is loading"):
        while True:
            try:
                response = client.get(url)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise ChatError(
                    f"no server answers at {client.base_url} ({error}); start one with "
                    "`reflect serve demo`, or name another with --base-url"
                ) from error
            status = response.json() if response.status_code == 503 else {}
            if status.get("status") != "loading":
                break
            time.sleep(POLL_S)
    if status:
        raise ChatError(f"the server is not ready: {status.get('reason', 'it does not say why')}")


def _first_model(client: httpx.Client) -> str:
    response = client.get("models")
    if response.is_error:
        raise ChatError(error_message(response))
    return str(response.json()["data"][0]["id"])


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    options = {
        "reasoning_effort": arguments.effort,
        "max_completion_tokens": arguments.max_tokens,
        "temperature": arguments.temperature,
        "seed": arguments.seed,
    }
    return {name: value for name, value in options.items() if value is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reflect chat",
        description="Talk to a server in the terminal. A question that comes through a pipe gets "
        "its answer on standard output. REFLECT_API_KEY is sent where it is set.",
        epilog=HELP,
    )
    add = parser.add_argument
    add("--base-url", default=BASE_URL, help=f"URL of the API (default {BASE_URL})")
    add("--model", help="name of the model (default the server's first)")
    add(
        "--effort",
        choices=["none", "minimal", "low", "medium", "high", "xhigh", "max"],
        help="how much it thinks (default the model's)",
    )
    add("--max-tokens", type=int, help="most tokens of a reply, thinking included")
    add("--temperature", type=float, help="0 to 2 (default the model's)")
    add("--seed", type=int, help="makes a reply repeatable (default none)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
