"""OpenAI's published description of its API, and what a server's responses have against it.

The description is not part of this repository: the file openapi.json of openai/openai-openapi, to
which the environment variable REFLECT_OPENAI_DESCRIPTION points.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VARIABLE = "REFLECT_OPENAI_DESCRIPTION"
STREAMED = {
    "/chat/completions": "CreateChatCompletionStreamResponse",
    "/completions": "CreateCompletionResponse",
    "/responses": "ResponseStreamEvent",
    "/responses/{response_id}": "ResponseStreamEvent",
}
# What legacy completions stream by OpenAI's own words, and from its servers, but not by its schema:
# no reason before the end, and no usage before the last chunk.
STREAMED_NULL = re.compile(r"\$\.(usage|choices\[\d+\]\.finish_reason): None is not ")
Schema = dict[str, Any]


@cache
def load(path: str) -> Description:
    """Read a description; seconds, once a process."""
    return Description(json.loads(Path(path).read_text("utf-8")))


def published() -> Description | None:
    """Return the description that the environment names, if it names one."""
    path = os.environ.get(VARIABLE)
    return load(path) if path else None


def with_nulls(value: Any) -> Any:
    """Write OpenAPI 3.0's `nullable`, which the description still has in places, as 3.1 does."""
    if isinstance(value, list):
        return [with_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: with_nulls(item) for key, item in value.items() if key != "nullable"}
    if value.get("nullable") is True:
        return {"anyOf": [rest, {"type": "null"}]}
    return rest


class Description:
    """The schemas and paths of a description; what it has against a JSON value."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take the parsed document."""
        document = with_nulls(document)
        self._schemas: dict[str, Schema] = document["components"]["schemas"]
        self._defs = {"components": {"schemas": self._schemas}}
        self._validators: dict[int, Draft202012Validator] = {}
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path, operations)
            for path, operations in document["paths"].items()
        ]

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        """Return the path as described and its operation; None for what is not OpenAI's."""
        for pattern, name, operations in self._paths:
            operation = operations.get(method.lower())
            if operation is not None and pattern.fullmatch(path.removeprefix("/v1")):
                return name, operation
        return None

    def objections(self, value: Any, schema: Schema) -> Iterator[str]:
        """Say where a value is not what the schema wants."""
        schema = self._variant(value, schema)
        key = id(schema)  # of a part of the document, which stays
        if key not in self._validators:
            self._validators[key] = Draft202012Validator({**schema, **self._defs})
        for error in self._validators[key].iter_errors(value):
            yield f"{error.json_path}: {error.message[:300]}"

    def extensions(self, value: Any, schema: Schema, place: str = "") -> Iterator[str]:
        """Name the fields that the schema does not know."""
        schema = self._variant(value, schema)
        if isinstance(value, list):
            items = [part["items"] for part in self._parts(schema) if "items" in part]
            for item in value:
                yield from self.extensions(item, {"anyOf": items}, f"{place}[]")
        elif isinstance(value, dict):
            known: dict[str, list[Schema]] = {}
            for part in self._parts(schema):
                if part.get("additionalProperties") or part.get("type") == "object" == "".join(
                    key for key in part if key not in ("description", "x-oaiTypeLabel", "default")
                ):
                    return  # free
                for name, own in part.get("properties", {}).items():
                    known.setdefault(name, []).append(own)
            for name, inner in value.items():
                at = f"{place}.{name}".lstrip(".")
                if name in known:
                    yield from self.extensions(inner, {"anyOf": known[name]}, at)
                elif known:
                    yield at

    def schema(self, name: str) -> Schema:
        """Return a schema by its name."""
        return self._schemas[name]

    def _variant(self, value: Any, schema: Schema) -> Schema:
        """Return the one variant that has the value's `type`, whose objections are to the point."""
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            return schema
        for part in self._alternatives(schema):
            kinds = self._kinds(part)
            if value["type"] in kinds:
                return part
        return schema

    def _kinds(self, schema: Schema) -> list[Any]:
        kinds = []
        for part in self._parts(schema):
            own = part.get("properties", {}).get("type", {})
            kinds += own.get("enum", [own["const"]] if "const" in own else [])
        return kinds

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        schema = self._resolve(schema)
        for key in ("anyOf", "oneOf"):
            for alternative in schema.get(key, ()):
                yield from self._alternatives(alternative)
        if "anyOf" not in schema and "oneOf" not in schema:
            yield schema

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        schema = self._resolve(schema)
        yield schema
        for key in ("anyOf", "oneOf", "allOf"):
            for part in schema.get(key, ()):
                yield from self._parts(part)

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema


@dataclass
class Findings:
    """What a description has against responses, and the fields it does not know."""

    num_values: int = 0
    objections: list[str] = field(default_factory=list)
    extensions: set[str] = field(default_factory=set)


class Recorder:
    """ASGI middleware that holds every response of OpenAI's paths against the description."""

    def __init__(self, app: ASGIApp, description: Description) -> None:
        """Wrap an application."""
        self._app = app
        self._description = description
        self.findings = Findings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and judge the answer when it is whole."""
        status, headers, body = 0, {}, b""

        async def record(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], dict(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    self._judge(scope, status, headers.get(b"content-type", b"").decode(), body)
            await send(message)

        await self._app(scope, receive, record if scope["type"] == "http" else send)

    def _judge(self, scope: Scope, status: int, kind: str, body: bytes) -> None:
        found = self._description.operation(scope["method"], scope["path"])
        if found is None or status == 499:
            return
        path, operation = found
        what = f"{scope['method']} {path} {status}"
        if status >= 400:
            self._check(what, json.loads(body), self._description.schema("ErrorResponse"))
        elif kind.startswith("text/event-stream"):
            for value in events(body):
                name = "ErrorResponse" if "error" in value else STREAMED[path]
                self._check(f"{what} event", value, self._description.schema(name))
        else:
            content = operation["responses"][str(status)].get("content", {})
            if "application/json" in content:
                self._check(what, json.loads(body), content["application/json"]["schema"])

    def _check(self, what: str, value: Any, schema: Schema) -> None:
        findings, description = self.findings, self._description
        findings.num_values += 1
        for objection in description.objections(value, schema):
            if what == "POST /completions 200 event" and STREAMED_NULL.match(objection):
                continue
            findings.objections.append(f"{what}: {objection} in {json.dumps(value)[:300]}")
        findings.extensions |= {
            f"{what.partition(' ')[2]}: {place}" for place in description.extensions(value, schema)
        }


def events(body: bytes) -> Iterator[Any]:
    """Parse the data of server-sent events, but for the closing [DONE]."""
    for line in body.split(b"\n"):
        if line.startswith(b"data:") and (data := line[5:].strip()) != b"[DONE]":
            yield json.loads(data)
