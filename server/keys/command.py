"""Make, list and revoke API keys: `reflect keys add NAME`, `reflect keys list`, `... revoke ID`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from server.data_folder import DataFolderError
from server.keys.policy import EFFORTS, Policy
from server.store_flags import add_store_flags, store_url

if TYPE_CHECKING:
    from server.keys.store import KeyStore, StoredKey, UnreadableKeyError

NAME = re.compile(r"[\w.@ +-]{1,64}")
SPAN = re.compile(r"(\d{1,6})([hdw])")
SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}
EXAMPLES = """examples:
  reflect keys add ann --rpm 60 --tpm 100000 --max-effort medium --expires 30d
  reflect keys add ops --admin --reasoning
  reflect keys list
  reflect keys revoke ann
"""


def main(argv: list[str] | None = None) -> int:
    """Return 0, or 1 where it could not be done."""
    arguments = _parser().parse_args(argv)
    from server.keys.store import KeyStore, KeyStoreError

    try:
        store = KeyStore.open(store_url(arguments, "keys", makes_folder=True))
        try:
            return int(arguments.run(store, arguments))
        finally:
            store.close()
    except (DataFolderError, KeyStoreError) as error:
        print(f"reflect keys: {error}", file=sys.stderr)
        return 1


def _add(store: KeyStore, arguments: argparse.Namespace) -> int:
    policy = Policy(
        models=frozenset(arguments.model) if arguments.model else None,
        max_effort=arguments.max_effort,
        max_thinking_tokens=arguments.max_thinking_tokens,
        max_tokens=arguments.max_tokens,
        requests_per_minute=arguments.rpm,
        tokens_per_minute=arguments.tpm,
        max_parallel=arguments.max_parallel,
        may_see_reasoning=arguments.reasoning,
        is_admin=arguments.admin,
        is_recorded=arguments.record,
    )
    key, secret = store.add(arguments.name, policy, int(time.time()), arguments.expires)
    print(secret)
    print(f"{key.id} ({key.name}): this is the only time that it is shown", file=sys.stderr)
    return 0


def _list(store: KeyStore, _: argparse.Namespace) -> int:
    heads = ("id", "name", "state", "created", "expires", "last used", "policy")
    now_s = time.time()
    rows = [heads, *(_row(key, now_s) for key in store.read(_complain))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    return 0


def _revoke(store: KeyStore, arguments: argparse.Namespace) -> int:
    meant = [
        key
        for key in store.read(_complain)
        if key.revoked_at_s is None and arguments.key in (key.id, key.name)
    ]
    if len(meant) != 1:
        which = f"is the name of {', '.join(key.id for key in meant)}: say which" if meant else (
            "is neither the id nor the name of a key that is in use: see `reflect keys list`"
        )  # fmt: skip
        print(f"reflect keys: {arguments.key!r} {which}", file=sys.stderr)
        return 1
    store.revoke(meant[0].id, int(time.time()))
    print(f"{meant[0].id} ({meant[0].name}) is revoked; running servers learn of it in a second")
    return 0


def _complain(error: UnreadableKeyError) -> None:
    print(f"reflect keys: {error}", file=sys.stderr)


def _row(key: StoredKey, now_s: float) -> tuple[str, ...]:
    is_revoked = key.revoked_at_s is not None
    state = "valid" if key.is_valid(now_s) else "revoked" if is_revoked else "expired"
    times = (_time(t) for t in (key.created_at_s, key.expires_at_s, key.used_at_s))
    return (key.id, key.name, state, *times, _summary(key.policy))


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _summary(policy: Policy) -> str:
    limits = {
        "models": None if policy.models is None else ",".join(sorted(policy.models)),
        "rpm": policy.requests_per_minute,
        "tpm": policy.tokens_per_minute,
        "parallel": policy.max_parallel,
        "effort": policy.max_effort,
        "thinking": policy.max_thinking_tokens,
        "tokens": policy.max_tokens,
    }
    rights = {
        "reasoning": policy.may_see_reasoning,
        "admin": policy.is_admin,
        "record": policy.is_recorded,
    }
    words = [f"{name}={value}" for name, value in limits.items() if value is not None]
    return " ".join([*words, *(name for name, is_so in rights.items() if is_so)]) or "default"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reflect keys",
        description="Make, list and revoke the API keys of a server, which need not be running.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="add|list|revoke")
    where = argparse.ArgumentParser(add_help=False)
    add_store_flags(where, "keys")
    add = commands.add_parser("add", parents=[where], help="make a key and print it, once")
    _add_flags(add)
    add.set_defaults(run=_add)
    listing = commands.add_parser("list", parents=[where], help="show the keys' names and policies")
    listing.set_defaults(run=_list)
    revoke = commands.add_parser("revoke", parents=[where], help="let a key be of no use from now")
    revoke.add_argument("key", metavar="ID_OR_NAME", help="which key")
    revoke.set_defaults(run=_revoke)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", type=_name, metavar="NAME", help="what to list it by")
    add("--model", action="append", metavar="NAME", help="a model it may use (default all)")
    add("--rpm", type=_count, metavar="N", help="most requests per minute (default no limit)")
    add("--tpm", type=_count, metavar="N", help="most tokens per minute (default no limit)")
    add("--max-parallel", type=_count, metavar="N", help="most requests at once (default no limit)")
    add("--max-effort", choices=EFFORTS, help="highest reasoning effort (default the model's)")
    add(
        "--max-thinking-tokens", type=_count, metavar="N",
        help="most tokens of thinking in a reply (default no limit)",
    )  # fmt: skip
    add("--max-tokens", type=_count, metavar="N", help="most tokens of a reply (default no limit)")
    add("--reasoning", action="store_true", help="may see the reasoning (default no)")
    add("--admin", action="store_true", help="may administer the server (default no)")
    add("--record", action="store_true", help="consents to being recorded (default no)")
    add(
        "--expires", type=_expiry, metavar="WHEN",
        help="12h, 30d, 8w, or a UTC date such as 2027-01-31 (default never)",
    )  # fmt: skip


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 64 letters, digits, spaces or any of . @ + - _")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= (count := int(text)) < 2**31:
        raise argparse.ArgumentTypeError("a number, 1 or more")
    return count


def _expiry(text: str) -> int:
    now_s = int(time.time())
    try:
        if span := SPAN.fullmatch(text):
            seconds = now_s + int(span[1]) * SECONDS[span[2]]
        else:
            when = datetime.fromisoformat(text)
            seconds = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except ValueError as error:
        raise argparse.ArgumentTypeError("such as 12h, 30d, 8w or 2027-01-31") from error
    if seconds <= now_s:
        raise argparse.ArgumentTypeError("a time to come")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
