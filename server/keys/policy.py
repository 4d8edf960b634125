"""Who may call the server and what they may see: API keys, the bind address, the reasoning."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

ANONYMOUS = "anonymous"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
HASHED = re.compile(r"sha256:([0-9a-f]{64})")
MIN_KEY_CHARACTERS = 16


ReasoningField = Literal["reasoning", "reasoning_content"]


class PolicyError(ValueError):
    """A policy that would leave the server open or shut by mistake."""


class Reasoning(StrEnum):
    """Whether a request may ask for the reasoning: never, or with `include_reasoning: true`."""

    HIDDEN = "hidden"
    VISIBLE = "visible"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the requests of one key may do; the default may do everything but see and administer.

    models: those it may ask for; None is every model
    max_effort, max_thinking_tokens, max_tokens: the most that its requests get
    requests_per_minute, tokens_per_minute: of all its requests together
    max_parallel: requests that may be answered at once
    A limit that is None is none.
    """

    models: frozenset[str] | None = None
    max_effort: str | None = None
    max_thinking_tokens: int | None = None
    max_tokens: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    may_see_reasoning: bool = False
    is_admin: bool = False
    is_recorded: bool = False

    def may_use(self, model: str) -> bool:
        """Tell whether requests may name this model."""
        return self.models is None or model in self.models


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is; `http.state.caller` of every guarded route.

    key_id: names the key in logs and tables, and tells nothing of it
    cache_salt: keeps what the engine remembers of one caller's prompts from the others
    """

    key_id: str = ANONYMOUS
    policy: Policy = Policy()
    cache_salt: str | None = None

    @property
    def has_key(self) -> bool:
        """Whether a key tells the caller from others."""
        return self.key_id != ANONYMOUS


@dataclass(frozen=True, slots=True)
class Keys:
    """The API keys of the environment and of a file, as SHA-256 digests."""

    digests: frozenset[bytes] = field(default=frozenset(), repr=False)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.digests)

    @classmethod
    def from_lines(cls, lines: Iterable[str], source: str) -> Self:
        """Read one key a line, raw or as sha256:HEX; blank lines and # comments are skipped."""
        digests = set()
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text and not text.startswith("#"):
                digests.add(_digest(text, f"{source}, line {number}"))
        return cls(frozenset(digests))

    @classmethod
    def load(cls, environment_key: str | None, file: Path | None) -> Self:
        """Join the key of the environment with those of a file; raise PolicyError if unusable.

        The environment holds one key, whatever it looks like; None is a variable that is not set.
        """
        digests: frozenset[bytes] = frozenset()
        if environment_key is not None:
            digests |= {_digest(environment_key.strip(), "REFLECT_API_KEY")}
        if file is not None:
            try:
                lines = file.read_text("utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise PolicyError(f"the API key file {file} cannot be read: {error}") from error
            from_file = cls.from_lines(lines, str(file))
            if not from_file:
                raise PolicyError(f"the API key file {file} holds no key")
            digests |= from_file.digests
        return cls(digests)


def _digest(key: str, source: str) -> bytes:
    """Return the digest of a key that is raw or written as sha256:HEX."""
    if hashed := HASHED.fullmatch(key):
        return bytes.fromhex(hashed[1])
    if not key:
        raise PolicyError(f"{source} is set but holds no key: give it one, or unset it")
    if key.startswith("sha256:"):
        raise PolicyError(f"{source}: sha256: needs 64 lower-case hex digits")
    if len(key) < MIN_KEY_CHARACTERS:
        raise PolicyError(f"{source}: a key needs at least {MIN_KEY_CHARACTERS} characters")
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def check_exposure(host: str, *, is_guarded: bool, is_insecure: bool) -> None:
    """Raise PolicyError when the address is reachable from elsewhere and no key guards it."""
    if is_guarded or is_insecure or is_loopback(host):
        return
    raise PolicyError(
        f"listening on {host} would let anybody on the network use the model: `reflect keys add` "
        "a key, set REFLECT_API_KEY or --api-key-file, listen on 127.0.0.1, or say --insecure"
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's alone; of names only localhost is."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
