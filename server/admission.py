"""admit: the way of every request for a reply, whatever API it came by, into the engine."""

from __future__ import annotations

import asyncio

from fastapi import Request

from server.disconnect import unless_gone
from server.exchanges import Witness
from server.generation import Generation
from server.plan import Plan, check_request, demand, make_plan
from server.policy import Caller
from server.protocol.chat import ChatCompletionRequest
from server.service import Service

LONG_CHARACTERS = 20_000  # from here on a prompt is encoded in a thread, a fraction of a second


async def admit(http: Request, request: ChatCompletionRequest, id: str) -> Generation | None:
    """Return the generation that will answer, not begun; None where the client has left.

    Other APIs write their requests as chat completions and translate the errors' `param` back.
    """
    service: Service = http.app.state.service
    caller: Caller = http.state.caller
    check_request(request, service.model, service.settings, caller.policy)
    allotment = service.rates.begin(caller)
    try:
        plan = await unless_gone(http.receive, _plan(request, service, caller))
        if plan is not None:
            is_asked = bool(request.max_completion_tokens or request.max_tokens)
            most = sum(sampling.max_tokens for sampling in plan.samplings)
            allotment.reserve(len(plan.prompt_token_ids), most, is_asked=is_asked)
    except BaseException:
        allotment.end()
        raise
    if plan is None:
        allotment.end()
        return None
    sinks = [sink for sink in service.sinks if sink.wants(caller)]
    witness = Witness(id, caller, request, sinks) if sinks else None
    return Generation(
        id,
        plan,
        service.model,
        service.engine,
        service.metrics,
        witness,
        allotment,
        caller.cache_salt,
    )


async def _plan(request: ChatCompletionRequest, service: Service, caller: Caller) -> Plan:
    arguments = (request, service.model, service.engine.max_model_len, caller.policy)
    if request.num_characters < LONG_CHARACTERS:
        plan = make_plan(*arguments)
    else:
        plan = await asyncio.to_thread(make_plan, *arguments)
    owner = caller.key_id if caller.has_key else None
    answer = await service.answers.settle(request, owner)
    return plan if answer is None else demand(plan, answer, *arguments)
