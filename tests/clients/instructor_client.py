"""instructor: structured output in its modes, partial objects from a stream, usage."""

from __future__ import annotations

import sys

import instructor
from openai import OpenAI
from pydantic import BaseModel

QUESTION = [{"role": "user", "content": "How many apples?"}]
MODES = (instructor.Mode.TOOLS, instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def main(base_url: str, model: str) -> None:
    plain = OpenAI(base_url=base_url, api_key="none", max_retries=0)
    for mode in MODES:
        client = instructor.from_openai(plain, mode=mode)
        person, completion = client.chat.completions.create_with_completion(
            model=model, messages=QUESTION, response_model=Person, max_retries=0
        )
        assert person.model_dump() == {"name": "Mia", "age": 7}, (mode, person)
        assert completion.usage.completion_tokens_details.reasoning_tokens > 0
        partial = list(
            client.chat.completions.create_partial(
                model=model, messages=QUESTION, response_model=Person, max_retries=0
            )
        )
        assert partial[-1].model_dump() == {"name": "Mia", "age": 7}, (mode, partial)


if __name__ == "__main__":
    main(*sys.argv[1:])
