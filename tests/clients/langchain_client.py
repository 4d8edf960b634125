"""LangChain's ChatOpenAI: a stream, a tool call, structured output, usage."""

from __future__ import annotations

import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

QUESTION = "How many apples?"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return "22 degrees" if city == "Rome" else "unknown"


def main(base_url: str, model: str, *, use_responses_api: bool) -> None:
    chat = ChatOpenAI(
        base_url=base_url,
        model=model,
        api_key="none",
        max_retries=0,
        stream_usage=True,
        use_responses_api=use_responses_api,
    )
    whole = None
    for chunk in chat.stream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    assert whole.text == "7 apples", whole
    usage = whole.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_token_details"]["reasoning"] > 0
    messages = [HumanMessage(QUESTION)]
    called = chat.bind_tools([get_weather]).invoke(messages)
    (call,) = called.tool_calls
    assert call["name"] == "get_weather"
    assert call["args"] == {"city": "Rome"}
    messages += [called, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    answered = chat.bind_tools([get_weather]).invoke(messages)
    assert answered.text == "It is 22 degrees.", answered
    for method in ("json_schema", "function_calling"):
        person = chat.with_structured_output(Person, method=method).invoke(QUESTION)
        assert person == Person(name="Mia", age=7), (method, person)


if __name__ == "__main__":
    for is_responses in (False, True):
        main(*sys.argv[1:], use_responses_api=is_responses)
