"""pydantic-ai: a stream, a tool call, structured output in three ways, usage."""

from __future__ import annotations

import asyncio
import sys

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

QUESTION = "How many apples?"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


async def main(base_url: str, name: str) -> None:
    provider = OpenAIProvider(base_url=base_url, api_key="none")
    for model in (
        OpenAIChatModel(name, provider=provider),
        OpenAIResponsesModel(name, provider=provider),
    ):
        async with Agent(model).run_stream(QUESTION) as streamed:
            pieces = [piece async for piece in streamed.stream_text(delta=True)]
        assert "".join(pieces) == "7 apples", pieces
        usage = streamed.usage() if callable(streamed.usage) else streamed.usage
        assert usage.input_tokens > 0
        assert usage.output_tokens > usage.details["reasoning_tokens"] > 0
        agent = Agent(model)

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Tell the weather."""
            return "22 degrees" if city == "Rome" else "unknown"

        assert (await agent.run(QUESTION)).output == "It is 22 degrees."
        for kind in (NativeOutput(Person), ToolOutput(Person)):
            found = (await Agent(model, output_type=kind).run(QUESTION)).output
            assert found == Person(name="Mia", age=7), (kind, found)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
