"""Text to tokens and back, under vLLM's names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from server.protocol.messages import Message
from server.protocol.tools import MAX_TOOLS, Tool
from server.protocol.wire import Wire, conflict


class TokenizeRequest(Wire):
    """The body of POST /tokenize: a text, or messages as a chat completion would send them.

    add_special_tokens: whether a text gets the token that begins a prompt; messages always do
    """

    NEUTRAL = {  # noqa: RUF012  (a ClassVar of Wire)
        "add_generation_prompt": (True,),
        "chat_template": (),
        "chat_template_kwargs": ({},),
        "continue_final_message": (False,),
    }

    model: str | None = None
    prompt: str | None = None
    messages: Annotated[list[Message], Field(min_length=1)] | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS)] | None = None
    add_special_tokens: bool | None = None
    return_token_strs: bool | None = None

    @model_validator(mode="after")
    def _check_together(self) -> TokenizeRequest:
        if (self.prompt is None) == (self.messages is None):
            raise conflict("prompt", "Send one of '{param}' and 'messages'.")
        if self.tools is not None and self.messages is None:
            raise conflict("tools", "'{param}' are told in 'messages' alone.")
        return self


class Tokenized(BaseModel):
    """The tokens of a text; `token_strs` where they were asked for."""

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None = None


class DetokenizeRequest(Wire):
    """The body of POST /detokenize."""

    model: str | None = None
    tokens: list[Annotated[int, Field(ge=0)]]


class Detokenized(BaseModel):
    """The text of tokens."""

    prompt: str
