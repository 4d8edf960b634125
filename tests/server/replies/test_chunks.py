"""Chunks are what OpenAI's clients read, with our extensions where they were asked for."""

from __future__ import annotations

import json
from typing import Any

from decoding.format import Section
from server.protocol.chat import ChatCompletionRequest
from server.replies.choice import AnswerDelta, ChoiceEnd
from server.replies.chunks import PADDED_TO, ChunkWriter
from server.replies.progress import Progress


def writer(**options: bool) -> ChunkWriter:
    fields: dict[str, Any] = {"stream": True, "stream_options": options}
    hello = [{"role": "user", "content": "Hi"}]
    request = ChatCompletionRequest.model_validate({"model": "m", "messages": hello} | fields)
    return ChunkWriter("id", 7, request, "fp")


def read(chunk: bytes) -> Any:
    assert chunk.startswith(b"data: ")
    assert chunk.endswith(b"\n\n")
    return json.loads(chunk[6:])


def test_progress_is_a_chunk_without_choices() -> None:
    chunk = read(writer().write(Progress(Section.REFLECTION, 312, 4.2)))
    assert chunk["choices"] == []
    assert chunk["progress"] == {"section": "reflection", "hidden_tokens": 312, "elapsed_s": 4.2}
    with_usage = read(writer(include_usage=True).write(Progress(Section.THINKING, 0, 0.0)))
    assert with_usage["usage"] is None


def test_the_budgets_that_were_hit_come_with_the_reason() -> None:
    hits = read(writer().write(ChoiceEnd(1, "length", frozenset({"answer", "thinking"}))))
    assert hits["choices"][0]["budget_hits"] == ["thinking", "answer"]
    assert hits["choices"][0]["finish_reason"] == "length"
    assert "budget_hits" not in read(writer().write(ChoiceEnd(0, "stop")))["choices"][0]


def test_obfuscated_chunks_do_not_tell_the_length_of_their_text() -> None:
    padded = writer(include_obfuscation=True)
    chunks = [padded.write(AnswerDelta(0, "a" * size)) for size in range(1, PADDED_TO)]
    assert len({len(chunk) for chunk in chunks}) <= 2
    assert all(isinstance(read(chunk)["obfuscation"], str) for chunk in chunks)
    assert "obfuscation" not in read(writer().write(AnswerDelta(0, "a")))
