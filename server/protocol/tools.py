"""Function tools under OpenAI's names: what may be called, whether it must be, and past calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag
from pydantic_core import PydanticCustomError

from server.protocol.wire import Wire

if TYPE_CHECKING:
    from server.protocol.messages import Message

MAX_TOOLS = 128
Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def _check_parameters(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type", "object") != "object":
        raise PydanticCustomError("schema", "it should be a JSON schema of type 'object'")
    return schema


class FunctionDefinition(Wire):
    """A function of the client's; without `parameters` it takes no arguments."""

    name: Name
    description: str | None = None
    parameters: Annotated[dict[str, Any], AfterValidator(_check_parameters)] | None = None
    strict: bool | None = None


class Tool(Wire):
    """Something the model may call."""

    type: Literal["function"]
    function: FunctionDefinition


class FunctionName(Wire):
    """A function by its name."""

    name: Name


class NamedTool(Wire):
    """One of the tools, by its name."""

    type: Literal["function"]
    function: FunctionName


class AllowedTools(Wire):
    """Some of the tools, and whether one of them must be called."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1)]


class AllowedToolsChoice(Wire):
    """Narrows the tools without changing the prompt."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


def _kind(choice: Any) -> str | None:
    if isinstance(choice, str):
        return "mode"
    kind = choice.get("type") if isinstance(choice, dict) else getattr(choice, "type", None)
    return kind if kind in ("function", "allowed_tools") else None


CHOICE_KIND = Discriminator(
    _kind,
    custom_error_type="tool_choice",
    custom_error_message="it should be 'none', 'auto', 'required', or an object of type "
    "'function' or 'allowed_tools'",
)
"""Tells the kinds of a tool choice apart: a mode, one by its name, some of them."""
ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("mode")]
    | Annotated[NamedTool, Tag("function")]
    | Annotated[AllowedToolsChoice, Tag("allowed_tools")],
    CHOICE_KIND,
]


class FunctionCall(Wire):
    """What was called; the arguments are the model's, JSON or not."""

    name: Name
    arguments: str
    parsed_arguments: Any = Field(default=None, exclude=True)
    """What OpenAI's clients add to a call, and send back with it: dropped."""


class ToolCall(Wire):
    """A call of an earlier answer."""

    id: Id
    type: Literal["function"]
    function: FunctionCall
    index: int | None = Field(default=None, exclude=True)
    """What OpenAI's clients leave in a call that was streamed, and send back with it: dropped."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """What an answer may call, never nothing; where it is not `is_required`, it may be text."""

    functions: tuple[FunctionDefinition, ...]
    is_required: bool
    is_parallel: bool


def tool_use(
    tools: Sequence[Tool] | None, choice: ToolChoice | None, *, is_parallel: bool
) -> ToolUse | None:
    """Return what may be called; None is nothing. A function that is named is called once."""
    functions = {tool.function.name: tool.function for tool in tools or ()}
    if not functions or choice == "none":
        return None
    if isinstance(choice, NamedTool):
        return ToolUse((functions[choice.function.name],), is_required=True, is_parallel=False)
    if isinstance(choice, AllowedToolsChoice):
        names = dict.fromkeys(tool.function.name for tool in choice.allowed_tools.tools)
        is_required = choice.allowed_tools.mode == "required"
        return ToolUse(tuple(functions[name] for name in names), is_required, is_parallel)
    return ToolUse(tuple(functions.values()), choice == "required", is_parallel)


def check_tools(tools: Sequence[Tool] | None, choice: ToolChoice | None) -> None:
    """Refuse names that come twice, and choices of what is not there."""
    known: set[str] = set()
    for at, tool in enumerate(tools or ()):
        if tool.function.name in known:
            raise _conflict(f"tools[{at}].function.name", "expected tools with different names")
        known.add(tool.function.name)
    if not known and choice not in (None, "none", "auto"):
        raise _conflict("tool_choice", "it is only allowed when 'tools' are specified")
    for path, name in _named(choice):
        if name not in known:
            raise _conflict(path, "it should be the name of one of 'tools'")


def _named(choice: ToolChoice | None) -> Iterator[tuple[str, str]]:
    if isinstance(choice, NamedTool):
        yield "tool_choice.function.name", choice.function.name
    elif isinstance(choice, AllowedToolsChoice):
        for at, tool in enumerate(choice.allowed_tools.tools):
            yield f"tool_choice.allowed_tools.tools[{at}].function.name", tool.function.name


def check_calls(messages: Sequence[Message]) -> None:
    """Refuse a call that is not answered by the very next messages, and answers to no call."""
    waiting: set[str] = set()
    asked = 0
    for at, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise _conflict(
                    f"messages[{at}].tool_call_id",
                    "a tool message must answer a call in 'tool_calls' of the assistant's message "
                    "before it, once",
                )
            waiting.remove(message.tool_call_id)
        elif waiting:
            break
        elif message.role == "assistant" and message.tool_calls:
            waiting, asked = {call.id for call in message.tool_calls}, at
            if len(waiting) < len(message.tool_calls):
                raise _conflict(f"messages[{at}].tool_calls", "expected calls with different ids")
    if waiting:
        raise _conflict(
            f"messages[{asked}].tool_calls",
            "a tool message with its tool_call_id must follow for every call",
        )


def _conflict(param: str, sentence: str) -> PydanticCustomError:
    return PydanticCustomError(
        "conflict", "Invalid '{param}': {sentence}.", {"param": param, "sentence": sentence}
    )
