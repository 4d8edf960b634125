"""GET, DELETE, cancel and input_items of /v1/responses/{id}: the responses that were kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from fastapi.responses import Response as HttpResponse

from server.errors import NotFound, RequestError
from server.protocol.responses import DeletedResponse, ItemList, Response
from server.responses.background import unpack
from server.responses.responses import Responses
from server.responses.store import StoredResponse
from server.responses.stream import FollowedStream

ID = re.compile(r"resp_[0-9a-f]{48}")
MAX_PAGE = 100

router = APIRouter()


@router.get("/v1/responses/{id}", response_model=Response)
async def retrieve_response(
    id: str,
    http: Request,
    stream: bool = False,
    starting_after: Annotated[int, Query(ge=-1)] = -1,
) -> HttpResponse:
    """Return a response as it stands, or the events of one in the background."""
    stored = await _find(http, id)
    if not stream:
        return JSONResponse(stored.response)
    running = _responses(http).background.find(id)
    if running is not None:
        events = running.follow(starting_after)
    elif stored.events is not None:
        events = _replay(stored.events, starting_after)
    else:
        raise RequestError(
            "Only the events of responses that this server wrote in the background to their end "
            "are kept: leave 'stream' out.",
            param="stream",
        )
    return FollowedStream(events, http.app.state.service.settings)


async def _replay(packed: bytes, after: int) -> AsyncIterator[dict[str, Any]]:
    for event in (await asyncio.to_thread(unpack, packed))[after + 1 :]:
        yield event


@router.delete("/v1/responses/{id}")
async def delete_response(id: str, http: Request) -> DeletedResponse:
    """Forget a response; one that is being written is stopped."""
    await _find(http, id)
    responses = _responses(http)
    await asyncio.to_thread(responses.store.delete, http.state.caller.key_id, id)
    await responses.background.stop(id)
    return DeletedResponse(id=id)


@router.post("/v1/responses/{id}/cancel", response_model=Response)
async def cancel_response(id: str, http: Request) -> HttpResponse:
    """Stop a response in the background; one that has ended stays as it is."""
    stored = await _find(http, id)
    if not stored.response["background"]:
        raise RequestError("Only responses in the background can be cancelled.")
    responses = _responses(http)
    if await asyncio.to_thread(responses.store.cancel, http.state.caller.key_id, id):
        await responses.background.stop(id)
    return JSONResponse((await _find(http, id)).response)


@router.get("/v1/responses/{id}/input_items")
async def list_input_items(
    id: str,
    http: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
) -> ItemList:
    """List what a response was made from, the conversation before it included."""
    items = (await _find(http, id)).context
    if order == "desc":
        items.reverse()
    if after is not None:
        places = [place for place, item in enumerate(items) if item["id"] == after]
        if not places:
            raise RequestError("There is no item with the id that 'after' names.", param="after")
        items = items[places[0] + 1 :]
    page = items[:limit]
    return ItemList(
        data=page,
        first_id=page[0]["id"] if page else "",
        last_id=page[-1]["id"] if page else "",
        has_more=len(items) > limit,
    )


def _responses(http: Request) -> Responses:
    responses: Responses = http.app.state.responses
    return responses


async def _find(http: Request, id: str) -> StoredResponse:
    """Return a response of the caller's key; another's is as unknown as one that never was."""
    stored = None
    if ID.fullmatch(id):
        store = _responses(http).store
        stored = await asyncio.to_thread(store.find, http.state.caller.key_id, id)
    if stored is None:
        raise NotFound("There is no stored response of this API key with this id.", param="id")
    return stored
