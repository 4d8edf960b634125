"""Responses: what the requests of the Responses API share."""

from __future__ import annotations

import asyncio
from typing import Self

from server.data_folder import database_url
from server.responses.background import Background
from server.responses.sealing import Seal, find_secret
from server.responses.store import ResponseStore
from server.service import Service

LEASE_PERIODS = 3  # a lease is renewed so often before it would run out


class Responses:
    """The stored responses, those in the background and the seal; one per application."""

    def __init__(self, store: ResponseStore, background: Background, seal: Seal) -> None:
        """Take the parts; `open` makes them."""
        self.store = store
        self.background = background
        self.seal = seal

    @classmethod
    def open(cls, service: Service) -> Self:
        """Open the database and find the seal's secret, as the settings say."""
        settings = service.settings
        store = ResponseStore(
            settings.responses_url or database_url(settings.data, "responses"),
            ttl_s=settings.response_ttl_s,
            max_bytes=settings.max_stored_bytes,
            lease_s=settings.response_lease_s,
        )
        background = Background(
            store,
            service,
            max_running=settings.max_background,
            max_per_key=settings.max_background_per_key,
            renew_s=settings.response_lease_s / LEASE_PERIODS,
        )
        return cls(store, background, Seal(find_secret(settings.seal_key, settings.data)))

    async def close(self) -> None:
        """Stop what runs in the background, and let the database go."""
        await self.background.close()
        await asyncio.to_thread(self.store.close)
