"""The chat template of a model: messages in, pieces of text out, the template's apart from theirs.

Every text of a client is rendered as a marker and put back afterwards, so that whatever a client
writes stays recognisable as the client's and can never become one of the template's control tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import jinja2
import jinja2.runtime
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.prompts.chat_message import ChatMessage, PastCall
from server.prompts.client_text import ClientTexts, Piece

NAMED_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
TEXTS = "client_texts_of_this_rendering"  # the name by which filters find them
# What a template that refuses the messages may raise: Jinja passes Python's own errors on.
REFUSALS = (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError)


class TemplateError(ValueError):
    """A chat template that is missing, or that refuses the messages."""


class Calls(IntEnum):
    """What a template can write of tools: nothing, turns of one call each, or of several."""

    NONE = 0
    ONE = 1
    SEVERAL = 2


class ChatTemplate:
    """The Jinja template of one model and the special tokens it names; shared, immutable."""

    def __init__(self, source: str, named_tokens: dict[str, str]) -> None:
        """Compile the template; raise TemplateError if it cannot be."""
        try:
            self._template = _environment().from_string(source)
        except jinja2.TemplateError as error:
            raise TemplateError(f"the chat template cannot be compiled: {error}") from error
        self._template.globals = dict(self._template.globals)  # joined once, not at every rendering
        self.named_tokens = named_tokens
        self.calls = self._try_calls()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read chat_template.jinja, or the template in tokenizer_config.json."""
        config = _read_config(folder)
        named = {name: token for name in NAMED_TOKENS if (token := _token_text(config.get(name)))}
        path = folder / "chat_template.jinja"
        source = path.read_text("utf-8") if path.is_file() else config.get("chat_template")
        if isinstance(source, list):
            source = next((each["template"] for each in source if each["name"] == "default"), None)
        if not isinstance(source, str):
            raise TemplateError(f"{folder} has no chat template")
        return cls(source, named)

    def render(
        self, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] = ()
    ) -> list[Piece]:
        """Return the prompt up to where the reply begins; raise TemplateError if it refuses.

        tools: functions under OpenAI's names; to be given, as past calls are, only as `calls` says
        """
        texts = ClientTexts()
        spoken = [message.role for message in messages if message.role != "system"]
        values: dict[str, Any] = {
            "messages": [_marked(message, texts) for message in messages],
            "tools": [texts.mark_all({"type": "function", "function": f}) for f in tools] or None,
            "add_generation_prompt": True,
            TEXTS: texts,
        }
        if spoken[:1] != ["user"]:  # Llama 3.1's template would put the tools there
            values["tools_in_user_message"] = False
        try:
            rendered = self._template.render(**values, **self.named_tokens)
        except REFUSALS as error:
            raise TemplateError(
                f"the model's chat template refuses the messages: {error}"
            ) from None
        return list(texts.pieces(rendered))

    def _try_calls(self) -> Calls:
        """Find out what the template writes of a conversation with calls."""
        tool = {"name": "probe-name", "description": "probe-task", "parameters": {}}
        for calls in (Calls.SEVERAL, Calls.ONE):
            turns = _probe(calls)
            words = {"probe-name", "probe-task", "probe-a"}
            words |= {turn.text for turn in turns} | {call.name for call in turns[1].calls}
            try:
                written = "".join(piece.text for piece in self.render(turns, [tool]))
            except TemplateError:
                continue
            if all(word in written for word in words):
                return calls
        return Calls.NONE


def _probe(num_calls: int) -> list[ChatMessage]:
    calls = [PastCall(f"probe{n}", f"probe-call{n}", '{"a": "probe-a"}') for n in range(num_calls)]
    results = [ChatMessage("tool", f"probe-result{call.id}", call=call) for call in calls]
    return [ChatMessage("user", "probe"), ChatMessage("assistant", "", tuple(calls)), *results]


def _marked(message: ChatMessage, texts: ClientTexts) -> dict[str, Any]:
    """Write a message as templates read it, its texts marked."""
    marked: dict[str, Any] = {"role": message.role, "content": texts.mark(message.text)}
    if message.call is not None:
        name, id = texts.mark(message.call.name), texts.mark(message.call.id)
        marked |= {"name": name, "tool_call_id": id}
    if message.calls:
        if not message.text:
            marked["content"] = ""
        marked["tool_calls"] = [_marked_call(call, texts) for call in message.calls]
    return marked


def _marked_call(call: PastCall, texts: ClientTexts) -> dict[str, Any]:
    read = call.read_arguments()
    arguments = texts.mark(call.arguments) if read is None else texts.mark_all(read)
    function = {"name": texts.mark(call.name), "arguments": arguments}
    return {"id": texts.mark(call.id), "type": "function", "function": function}


class _Generation(Extension):
    """Takes `{% generation %}…{% endgeneration %}`, which training asks for, as its body."""

    tags = {"generation"}  # noqa: RUF012  (Jinja's interface)

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    """Make the environment that chat templates are written for: transformers' own."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


@jinja2.pass_context
def _to_json(
    context: jinja2.runtime.Context,
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    texts: ClientTexts = context[TEXTS]
    return texts.to_json(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TemplateError(f"{folder / 'tokenizer_config.json'} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise TemplateError(f"{folder / 'tokenizer_config.json'} must hold a JSON object")
    return config


def _token_text(token: Any) -> str | None:
    """Return the text of a token that may be written as a string or as an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None
