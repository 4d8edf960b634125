"""Function tools as the Responses API writes them: flat, without a `function` of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Tag

from server.protocol.tools import CHOICE_KIND
from server.protocol.wire import Wire, unsupported


class FunctionTool(Wire):
    """A function that the model may call; its arguments always keep its schema."""

    NEUTRAL = {"defer_loading": (False,), "allowed_callers": (["direct"],)}  # noqa: RUF012

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionChoice(Wire):
    """The one function that must be called."""

    type: Literal["function"]
    name: str


class AllowedChoice(Wire):
    """Narrows the tools without changing the prompt."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[FunctionChoice], Field(min_length=1)]


ResponseToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("mode")]
    | Annotated[FunctionChoice, Tag("function")]
    | Annotated[AllowedChoice, Tag("allowed_tools")],
    CHOICE_KIND,
]


def _check_tools(tools: Any) -> Any:
    """Refuse OpenAI's own tools by name."""
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping) and tool.get("type") != "function":
            raise unsupported(f"tools[{number}].type", "only tools of type 'function' are")
    return tools


ResponseTools = Annotated[list[FunctionTool], BeforeValidator(_check_tools)]
