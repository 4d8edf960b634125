"""Look after recorded conversations: `reflect record list`, `export FILE`, `forget`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.data_folder import DataFolderError
from server.store_flags import add_store_flags, store_url

if TYPE_CHECKING:
    from server.records.recordings import Recording, Recordings

EPILOG = """`reflect serve --record` records the requests of keys that consent: those made by
`reflect keys add NAME --record`. Kept are the messages and the answers, never the reasoning.

examples:
  reflect record list
  reflect record export conversations.jsonl --since 2026-11-01
  reflect record export alpaca.jsonl --form alpaca
  reflect record forget --key key_3f9a
"""


def main(argv: list[str] | None = None) -> int:
    """Run one action: 0 when it is done, 2 when there are no recordings."""
    arguments = _parser().parse_args(argv)
    from sqlalchemy import make_url

    from server.database import open_database
    from server.records.recordings import Recordings

    try:
        url = make_url(store_url(arguments, "recordings"))
    except DataFolderError as error:
        print(f"reflect record: {error}", file=sys.stderr)
        return 2
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        where = url.database or "memory"
        print(f"reflect record: there are no recordings in {where}", file=sys.stderr)
        return 2
    recordings = Recordings(open_database(url))
    try:
        arguments.run(recordings, arguments)
    finally:
        recordings.close()
    return 0


def _list(recordings: Recordings, _: argparse.Namespace) -> None:
    counts = recordings.count()
    for key_id, model, number in counts:
        print(f"{number:8}  {key_id}  {model}")
    print(f"{sum(number for *_, number in counts):8}  in all")


def _export(recordings: Recordings, arguments: argparse.Namespace) -> None:
    rows = recordings.read(key_id=arguments.key, since_s=arguments.since)
    form = FORMS[arguments.form]
    number = 0
    partial = arguments.file.with_name(f"{arguments.file.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        for recording in rows:
            for line in form(recording):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                number += 1
        file.flush()
        os.fsync(file.fileno())
    partial.replace(arguments.file)
    print(f"{number} conversations written to {arguments.file}")


def _forget(recordings: Recordings, arguments: argparse.Namespace) -> None:
    number = recordings.forget(key_id=arguments.key, before_s=arguments.before)
    print(f"{number} forgotten")


def conversations(recording: Recording) -> Iterator[dict[str, Any]]:
    """Yield one conversation an answer, as messages that end with the answer."""
    for index, answer in enumerate(recording.answers):
        if answer["finish_reason"] is None:
            continue
        reply: dict[str, Any] = {"role": "assistant", "content": answer["text"]}
        if answer["tool_calls"]:
            reply["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in answer["tool_calls"]
            ]
        yield {
            "id": f"{recording.id}-{index}",
            "messages": [*recording.request["messages"], reply],
            "model": recording.model,
            "at": datetime.fromtimestamp(recording.at_s).astimezone().isoformat(),
            "finish_reason": answer["finish_reason"],
        }


def instructions(recording: Recording) -> Iterator[dict[str, Any]]:
    """Yield one instruction and response an answer, of conversations of a single turn."""
    messages = recording.request["messages"]
    roles = [message["role"] for message in messages]
    if roles not in (["user"], ["system", "user"], ["developer", "user"]):
        return
    system, instruction = ("", *map(_text, messages))[-2:]
    for line in conversations(recording):
        reply = line["messages"][-1]
        if line["finish_reason"] == "stop" and "tool_calls" not in reply:
            yield {
                "id": line["id"],
                "instruction": instruction,
                "input": "",
                "output": reply["content"],
                "system": system,
            }


def _text(message: dict[str, Any]) -> str:
    """Return what a message says; its parts stand on lines of their own."""
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


FORMS: dict[str, Callable[[Recording], Iterator[dict[str, Any]]]] = {
    "messages": conversations,
    "alpaca": instructions,
}


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a date such as 2026-11-01, came {text}"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reflect record",
        description="Look after the conversations that a server recorded.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="count what was recorded, by key and model")
    listing.set_defaults(run=_list)
    export = actions.add_parser("export", help="write the recordings to a file, a line each")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument(
        "--form", choices=sorted(FORMS), default="messages",
        help="messages: whole conversations; alpaca: instruction and output of single turns that "
        "the model ended itself (default messages)",
    )  # fmt: skip
    export.add_argument("--key", metavar="KEY_ID", help="of this key only (default all)")
    export.add_argument(
        "--since", type=_time, default=0.0, metavar="DATE", help="from this date on (default all)"
    )
    export.set_defaults(run=_export)
    forget = actions.add_parser("forget", help="delete recordings")
    which = forget.add_mutually_exclusive_group(required=True)
    which.add_argument("--key", metavar="KEY_ID", help="all of this key")
    which.add_argument("--before", type=_time, metavar="DATE", help="all older than this date")
    forget.set_defaults(run=_forget, key=None, before=None)
    for action in (listing, export, forget):
        add_store_flags(action, "recordings")
    return parser


if __name__ == "__main__":
    sys.exit(main())
