"""What is kept of an exchange is the request and the answers, and nothing hidden."""

from __future__ import annotations

from collections.abc import Callable

from server.keys.policy import Caller, Policy
from server.protocol.chat import ChatCompletionRequest, CompletionTokensDetails, Usage
from server.replies.answered import Answered, AnsweredCall
from server.replies.choice import AnswerDelta, ChoiceEnd, ReasoningDelta, ToolCallDelta
from server.replies.exchanges import Exchange, Witness
from tests.live import LiveServer

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "How many?"}]}
USAGE = Usage(
    prompt_tokens=1,
    completion_tokens=2,
    total_tokens=3,
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=1),
)


class Shelf:
    """A sink that keeps everything of callers whose key consents."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.kept: list[Exchange] = []
        self._is_open = is_open

    def wants(self, caller: Caller) -> bool:
        return self._is_open or caller.policy.is_recorded

    def keep(self, exchange: Exchange) -> None:
        self.kept.append(exchange)


def test_the_pieces_of_every_choice_are_put_together() -> None:
    shelf = Shelf()
    request = ChatCompletionRequest.model_validate(CHAT | {"n": 2})
    witness = Witness("x", Caller(), request, [shelf])
    witness.see([AnswerDelta(1, "se"), ReasoningDelta(0, "secret"), AnswerDelta(1, "ven")])
    witness.see([ToolCallDelta(0, 0, "", id="call_1", name="f"), ToolCallDelta(0, 0, "{}")])
    witness.see([ChoiceEnd(1, "length", frozenset({"answer"}))])
    witness.end(USAGE)
    assert shelf.kept[0].answers == (
        Answered("", [AnsweredCall("call_1", "f", "{}")]),
        Answered("seven", [], "length", frozenset({"answer"})),
    )


def test_a_request_is_kept_once_streamed_or_not(make_server: Callable[..., LiveServer]) -> None:
    server, shelf = make_server(), Shelf()
    server.service.sinks.append(shelf)
    server.say("7 apples", "a planted thought")
    with server.client() as client:
        for stream in (False, True):
            client.post("/v1/chat/completions", json=CHAT | {"stream": stream})
    server.wait_until(lambda: len(shelf.kept) == 2)
    for exchange in shelf.kept:
        assert [answer.text for answer in exchange.answers] == ["7 apples"]
        assert exchange.answers[0].finish_reason == "stop"
        assert exchange.usage.completion_tokens > 0
        assert "planted" not in repr(exchange)


def test_an_answer_that_the_client_left_is_kept_as_unfinished(
    make_server: Callable[..., LiveServer],
) -> None:
    server, shelf = make_server(), Shelf()
    server.service.sinks.append(shelf)
    server.engine.is_paused = True
    server.post_raw(CHAT | {"stream": True}).close()
    server.wait_until(lambda: len(shelf.kept) == 1)
    assert shelf.kept[0].answers == (Answered(),)


def test_nothing_is_kept_of_callers_that_no_sink_wants(
    make_server: Callable[..., LiveServer],
) -> None:
    server, shelf = make_server(), Shelf(is_open=False)
    server.service.sinks.append(shelf)
    with server.client() as client:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert shelf.kept == []
    assert shelf.wants(Caller(policy=Policy(is_recorded=True)))
