"""The server's own Prometheus families; the engine's stand beside them in the default registry.

No label takes a value that a client makes up.
"""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


class Metrics:
    """Counts what the server does; one per application, with a registry of its own."""

    def __init__(self) -> None:
        """Register every family at zero."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "reflect_requests",
            "Requests by endpoint and how they ended.",
            ["endpoint", "outcome"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "reflect_requests_in_flight", "Requests being answered now.", registry=self.registry
        )
        self.time_to_first_answer_token = Histogram(
            "reflect_time_to_first_answer_token_seconds",
            "From when the server has planned a request to the first text of its answer: the "
            "engine's queue and the thinking are in it, reading the request is not.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.prompt_tokens = self._counter("reflect_prompt_tokens", "Prompt tokens taken in.")
        self.hidden_tokens = self._counter(
            "reflect_hidden_tokens", "Tokens of thinking, reflections and tags."
        )
        self.visible_tokens = self._counter("reflect_visible_tokens", "Tokens of answers.")
        self.budget_hits = Counter(
            "reflect_budget_hits",
            "Replies in which a budget decided, by budget.",
            ["budget"],
            registry=self.registry,
        )
        for budget in ("thinking", "answer"):
            self.budget_hits.labels(budget)
        self.forced_closes = self._counter(
            "reflect_forced_closes", "Replies with a section that a budget closed."
        )
        self.stray_tokens = self._counter(
            "reflect_stray_tokens", "Tokens that enforcement should have made impossible."
        )

        self.promotions = Counter(
            "reflect_promotions",
            "Promotions of new weights by how they ended; refused ones are not counted.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in ("promoted", "rolled_back", "failed"):
            self.promotions.labels(outcome)

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(name, what, registry=self.registry)

    def render(self) -> bytes:
        """Write our families and the engine's in Prometheus' text format."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)
