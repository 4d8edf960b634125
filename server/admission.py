"""admit: the way of every request for a reply, whatever API it came by, into the engine."""

from __future__ import annotations

import asyncio

from fastapi import Request

from server.disconnect import unless_gone
from server.keys.policy import Caller
from server.keys.rates import Allotment
from server.model import ServedModel
from server.plan import Plan, check_request, demand, make_plan
from server.protocol.chat import ChatCompletionRequest
from server.replies.exchanges import Witness
from server.replies.generation import Generation
from server.service import Service

LONG_CHARACTERS = 20_000  # from here on a prompt is encoded in a thread, a fraction of a second


async def admit(
    http: Request, request: ChatCompletionRequest, id: str, *, is_inside: bool = False
) -> Generation | None:
    """Return the generation that will answer, not begun; None where the client has left.

    It must be begun, or the next promotion of weights would wait for it in vain.

    Other APIs write their requests as chat completions and translate the errors' `param` back.
    is_inside: the caller is behind the gate already, and does not leave before this returns
    """
    service: Service = http.app.state.service
    caller: Caller = http.state.caller
    service.check_ready()
    check_request(request, service.find_model(request.model), service.settings, caller.policy)
    allotment = service.rates.begin(caller)
    try:
        work = _admit(request, id, service, caller, allotment, is_inside=is_inside)
        generation = await unless_gone(http.receive, work)
    except BaseException:
        allotment.end()
        raise
    if generation is None:
        allotment.end()
    return generation


async def _admit(
    request: ChatCompletionRequest,
    id: str,
    service: Service,
    caller: Caller,
    allotment: Allotment,
    *,
    is_inside: bool,
) -> Generation:
    """Wait at the gate, and plan with what is served behind it."""
    leave = service.gate.join() if is_inside else await service.gate.enter()
    try:
        model = service.find_model(request.model)
        check_request(request, model, service.settings, caller.policy)
        plan = await _plan(request, model, service, caller)
        is_asked = bool(request.max_completion_tokens or request.max_tokens)
        most = sum(sampling.max_tokens for sampling in plan.samplings)
        allotment.reserve(len(plan.prompt_token_ids), most, is_asked=is_asked)
        sinks = [sink for sink in service.sinks if sink.wants(caller)]
        return Generation(
            id,
            plan,
            model,
            service.engine,
            service.metrics,
            Witness(id, caller, request, sinks) if sinks else None,
            allotment,
            caller.cache_salt,
            leave,
        )
    except BaseException:
        leave()
        raise


async def _plan(
    request: ChatCompletionRequest, model: ServedModel, service: Service, caller: Caller
) -> Plan:
    arguments = (request, model, service.engine.max_model_len, caller.policy)
    if request.num_characters < LONG_CHARACTERS:
        plan = make_plan(*arguments)
    else:
        plan = await asyncio.to_thread(make_plan, *arguments)
    owner = caller.key_id if caller.has_key else None
    answer = await service.answers.settle(request, owner)
    return plan if answer is None else demand(plan, answer, *arguments)
