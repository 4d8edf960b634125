"""OpenAI's own client for Python, in the versions that the other clients bring: the same cases."""

from __future__ import annotations

import json
import sys
from typing import Any

from openai import OpenAI
from pydantic import BaseModel

QUESTION: Any = [{"role": "user", "content": "How many apples?"}]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def main(base_url: str, model: str) -> None:
    client = OpenAI(base_url=base_url, api_key="none", max_retries=0)
    options: Any = {"include_usage": True}
    chat = client.chat.completions
    with chat.stream(model=model, messages=QUESTION, stream_options=options) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "7 apples"
    assert final.usage is not None
    assert final.usage.completion_tokens_details is not None
    assert final.usage.completion_tokens_details.reasoning_tokens
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    message = chat.create(model=model, messages=QUESTION, tools=[tool]).choices[0].message
    call: Any = message.tool_calls[0] if message.tool_calls else None
    assert json.loads(call.function.arguments) == {"city": "Rome"}
    parsed = chat.parse(model=model, messages=QUESTION, response_format=Person)
    assert parsed.choices[0].message.parsed == Person(name="Mia", age=7)
    response = client.responses.parse(model=model, input=QUESTION, text_format=Person)
    assert response.output_parsed == Person(name="Mia", age=7)


if __name__ == "__main__":
    main(*sys.argv[1:])
