"""OpenTelemetry traces: one span a request, with numbers and no text; off unless configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.propagate import extract
from starlette.types import Scope

NAMES = {
    "endpoint": "http.route",
    "status": "http.response.status_code",
    "prompt_tokens": "gen_ai.usage.input_tokens",
}
PROPAGATED = ("traceparent", "tracestate")


class TracingError(Exception):
    """Traces are asked for, and cannot be sent."""


@contextmanager
def request_span(scope: Scope, tracer: trace.Tracer) -> Iterator[trace.Span]:
    """Open the span of one request, below the client's where it sent a traceparent."""
    sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    carrier = {name: sent[name] for name in PROPAGATED if name in sent}
    with tracer.start_as_current_span(
        scope.get("method", "HTTP"),
        context=extract(carrier),
        kind=trace.SpanKind.SERVER,
        record_exception=False,  # an exception's text may quote what a client wrote
        set_status_on_exception=False,
    ) as span:
        yield span


def describe(span: trace.Span, method: str, fields: Mapping[str, Any]) -> None:
    """Give the span of a finished request the fields of its log line."""
    if not span.is_recording():
        return
    span.update_name(f"{method} {fields['endpoint']}")
    for name, value in fields.items():
        span.set_attribute(NAMES.get(name, f"reflect.{name}"), value)
    if "hidden_tokens" in fields:
        num_tokens = fields["hidden_tokens"] + fields["visible_tokens"]
        span.set_attribute("gen_ai.usage.output_tokens", num_tokens)
    if fields["status"] >= 500 or fields["outcome"] == "failed":
        span.set_status(trace.StatusCode.ERROR)


def note(event: str) -> None:
    """Mark a moment in the span of the request that is being answered here."""
    span = trace.get_current_span()
    if span.is_recording():
        span.add_event(event)


def open_tracer(endpoint: str) -> tuple[trace.Tracer, Callable[[], None]]:
    """Return a tracer that sends spans by OTLP over HTTP, and what sends the last of them.

    endpoint: of a collector, such as http://127.0.0.1:4318. Raises TracingError without the SDK.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(
            f"traces need the extra otel: pip install 'reflection-runtime[otel]' ({error})"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "reflect"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("reflect"), provider.shutdown
