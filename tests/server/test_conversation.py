"""A conversation keeps its turns as far as they were read, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from server.conversation import ChatError, Conversation
from tests.live import LiveServer


@pytest.fixture
def client(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def conversation(client: httpx.Client) -> Conversation:
    return Conversation(client, {"model": "tiny"})


def test_what_the_server_refuses_with_is_shown(client: httpx.Client) -> None:
    with pytest.raises(ChatError, match="Unrecognized"):
        list(Conversation(client, {"model": "tiny", "x": 1}).ask("Hi"))


def test_a_failure_midway_is_shown(server: LiveServer, conversation: Conversation) -> None:
    server.say("7 apples", error=RuntimeError("inner"), fail_after=20)
    with pytest.raises(ChatError, match="error"):
        list(conversation.ask("Hi"))


def test_answers_become_part_of_the_conversation(
    server: LiveServer, conversation: Conversation
) -> None:
    assert "".join(conversation.ask("How many?")) == "7 apples"
    list(conversation.ask("Why?"))
    assert [message["role"] for message in conversation.messages] == ["user", "assistant"] * 2
    assert len(server.engine.calls[1].prompt_token_ids) > len(
        server.engine.calls[0].prompt_token_ids
    )


def test_a_stopped_reply_stays_as_far_as_it_was_read(
    server: LiveServer, conversation: Conversation
) -> None:
    server.say("one two three four five", delay_s=0.01)
    with closing(conversation.ask("Count.")) as pieces:
        first = next(piece for piece in pieces if piece)
    assert conversation.messages[-1] == {"role": "assistant", "content": first}
    server.wait_until(lambda: len(server.engine.aborted) == 1)


def test_a_reply_stopped_before_it_began_takes_the_question_with_it(
    conversation: Conversation,
) -> None:
    with closing(conversation.ask("Hm?")) as pieces:
        next(pieces)
    assert conversation.messages == []


def test_progress_is_asked_for_only_where_somebody_looks(
    server: LiveServer, conversation: Conversation
) -> None:
    server.say("7 apples", delay_s=0.01)
    assert "".join(conversation.ask("How many?")) == "7 apples"
    told: list[dict[str, object]] = []
    conversation.on_progress = told.append
    assert "".join(conversation.ask("And now?")) == "7 apples"
    assert told[-1]["section"] == "output"
