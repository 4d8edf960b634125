"""A trace tells of every request when, what came of it and how many tokens; never a text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from server.records.tracing import open_tracer
from tests.live import LiveServer

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "a planted question"}]}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(HTTPServer):
    """Takes OTLP over HTTP as a real collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Intake)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [s for r in requests for group in r.resource_spans for s in group.scope_spans]
        return [span for scope in scopes for span in scope.spans]


class Intake(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.paths.append(self.path)
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


def attributes(span: Span) -> dict[str, object]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "")
        for each in span.attributes
    }


def test_a_collector_gets_a_span_of_every_request(make_server: Callable[..., LiveServer]) -> None:
    with collecting() as collector:
        server = make_server()
        server.service.tracer, close = open_tracer(collector.url)
        server.say("a planted answer", "a planted thought")
        with server.client(traceparent=PARENT) as client:
            client.post("/v1/chat/completions", json=CHAT | {"stream": True})
        server.say("x", error=RuntimeError("planted"), fail_after=20)
        with server.client() as client:
            client.post("/v1/chat/completions", json=CHAT)
            client.get("/planted/path")
        close()
    assert set(collector.paths) == {"/v1/traces"}
    good, failed, lost = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
    assert good.name == failed.name == "POST /v1/chat/completions"
    assert good.trace_id.hex() == PARENT.split("-")[1]
    assert good.parent_span_id.hex() == PARENT.split("-")[2]
    assert [event.name for event in good.events] == ["first token", "first answer token"]
    said = attributes(good)
    assert said["http.response.status_code"] == 200
    assert said["reflect.hidden_tokens"] > said["reflect.visible_tokens"] > 0  # type: ignore[operator]
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert lost.name == "GET unknown route"
    assert b"planted" not in b"".join(collector.bodies)


def test_without_a_collector_nothing_is_recorded(server: LiveServer) -> None:
    with server.client(traceparent=PARENT) as client:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
