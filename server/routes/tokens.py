"""POST /tokenize and /detokenize: what the model reads of a text, counted and back again.

The prompt of messages is told whole, the bundle's own system prompt in it: it is part of the
model's interface, stands in its folder, and is counted in `usage.prompt_tokens`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from server.body import read_body
from server.errors import RequestError
from server.keys.policy import Caller
from server.model import ServedModel
from server.openapi import request_body
from server.plan import check_model
from server.prompts.chat_template import TemplateError
from server.prompts.conversation import Conversation
from server.prompts.prompt import PromptError
from server.protocol.chat import ChatCompletionRequest
from server.protocol.errors import request_error
from server.protocol.tokens import Detokenized, DetokenizeRequest, Tokenized, TokenizeRequest
from server.replies.logprobs import token_text
from server.service import Service

router = APIRouter()


@router.post("/tokenize", response_model=Tokenized, openapi_extra=request_body(TokenizeRequest))
async def tokenize(http: Request) -> JSONResponse:
    """Turn a text or messages into the model's tokens; no text becomes a control token."""
    service: Service = http.app.state.service
    service.check_ready()
    request = await read_body(http, TokenizeRequest, service.settings.max_request_bytes)
    _check_model(http, request.model)
    token_ids = await asyncio.to_thread(_tokens, request, service.model)
    answer: dict[str, Any] = {"count": len(token_ids), "tokens": token_ids}
    answer["max_model_len"] = service.engine.max_model_len
    if request.return_token_strs:
        data = service.model.token_data
        answer["token_strs"] = [token_text(data(token_id)) for token_id in token_ids]
    return JSONResponse(answer)


@router.post(
    "/detokenize", response_model=Detokenized, openapi_extra=request_body(DetokenizeRequest)
)
async def detokenize(http: Request) -> JSONResponse:
    """Turn tokens into text, control tokens too."""
    service: Service = http.app.state.service
    service.check_ready()
    request = await read_body(http, DetokenizeRequest, service.settings.max_request_bytes)
    _check_model(http, request.model)
    model = service.model
    size = model.vocabulary.size
    if request.tokens and max(request.tokens) >= size:
        raise RequestError(
            f"Invalid 'tokens': the model's token ids are 0 to {size - 1}.",
            param="tokens",
            code="invalid_value",
        )
    text = b"".join(map(model.token_data, request.tokens)).decode(errors="replace")
    return JSONResponse({"prompt": text})


def _check_model(http: Request, name: str | None) -> None:
    service: Service = http.app.state.service
    caller: Caller = http.state.caller
    asked = service.bundle.name if name is None else name
    check_model(asked, service.find_model(asked), caller.policy)


def _tokens(request: TokenizeRequest, model: ServedModel) -> list[int]:
    prompter = model.prompter
    param = "prompt" if request.messages is None else "messages"
    try:
        if request.prompt is not None:
            has_special = request.add_special_tokens is not False
            return prompter.encode_text(request.prompt, has_special=has_special)
        told = Conversation.of(_as_chat(request, model))
        return prompter.render_prompt(told.messages, told.tools)
    except (PromptError, TemplateError) as error:
        raise RequestError(f"The {param} cannot be used: {error}.", param=param) from error


def _as_chat(request: TokenizeRequest, model: ServedModel) -> ChatCompletionRequest:
    """Write the chat completion that the messages would be sent with."""
    fields = {"model": model.bundle.name, "messages": request.messages, "tools": request.tools}
    try:
        return ChatCompletionRequest.model_validate(fields)
    except ValidationError as error:
        raise request_error(error) from None
