"""LiteLLM: a stream, a tool call, structured output, usage."""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm
from pydantic import BaseModel

QUESTION = {"role": "user", "content": "How many apples?"}
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def main(base_url: str, model: str) -> None:
    def ask(messages: list[Any], **fields: Any) -> Any:
        return litellm.completion(
            model=f"openai/{model}",
            api_base=base_url,
            api_key="none",
            messages=messages,
            num_retries=0,
            **fields,
        )

    chunks = list(ask([QUESTION], stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "7 apples"
    usage = chunks[-1].usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens_details.reasoning_tokens > 0
    called = ask([QUESTION], tools=TOOLS, tool_choice="required").choices[0].message
    (call,) = called.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Rome"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "22 degrees"}
    answered = ask([QUESTION, called, result], tools=TOOLS).choices[0].message
    assert answered.content == "It is 22 degrees."
    person = ask([QUESTION], response_format=Person).choices[0].message.content
    assert Person.model_validate_json(person) == Person(name="Mia", age=7)


if __name__ == "__main__":
    main(*sys.argv[1:])
