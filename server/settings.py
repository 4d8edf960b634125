"""Settings: what the server was told at its start; read once, passed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from server.keys.policy import Keys, Reasoning, ReasoningField


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's choices apart from the model and the engine; one per process, immutable."""

    reasoning: Reasoning = Reasoning.HIDDEN
    reasoning_field: ReasoningField = "reasoning"
    """What the field is called that holds the reasoning, where a request may see it."""
    keys: Keys = field(default_factory=Keys)
    keys_url: str | None = None
    """The database with more keys; None is none."""
    keys_poll_s: float = 1.0
    """How soon a key that was added or revoked there counts."""
    rate_window_s: int = 60
    """The minute of the rates of keys."""
    data: Path | None = None
    """The folder of the server's own data, which is there; None keeps nothing on disk."""
    keep_alive_s: float = 10.0
    """Period of the comments in a stream; 0 sends none."""
    admission_s: float = 1.0
    """How long a stream waits for the first token, so that a refusal gets a status of its own."""
    send_timeout_s: float = 60.0
    """How long a client may leave a chunk unread before its request is aborted."""
    drain_timeout_s: float = 120.0
    hold_s: float = 300.0
    """How long a request waits while the server takes new weights."""
    max_held: int = 1024
    """How many may wait so."""
    is_replica: bool = False
    """Whether there are others of it, which none of its administrators' routes could reach."""
    adapters: Mapping[str, Path] = field(default_factory=dict)
    """The LoRA adapters to load at the start, by name."""
    max_request_bytes: int = 4 * 1024 * 1024
    max_messages: int = 1024
    max_choices: int = 8
    constraint_timeout_s: float = 30.0
    """How long a request waits until its constraint on the answer is compiled."""
    max_new_constraints: int = 16
    """How many constraints may wait to be compiled at once."""
    max_new_constraints_per_key: int = 4
    responses_url: str | None = None
    """The database of stored responses; None is a file in the data folder, or memory."""
    response_ttl_s: float = 30 * 86400.0
    max_stored_bytes: int = 256 * 1024 * 1024
    """How much the stored responses of one key may take; its oldest go first."""
    max_background: int = 64
    """How many responses may be written in the background at once."""
    max_background_per_key: int = 32
    response_lease_s: float = 15.0
    """How long after its server was last heard of an unfinished response counts as lost."""
    seal_key: str | None = field(default=None, repr=False)
    """What seals reasoning items, as 64 hex digits; None is a file in the data folder."""
