"""Conversation: the turns of a chat with a running server, for the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class ChatError(Exception):
    """A failure to show to the person who chats."""


class Conversation:
    """The turns so far and the server that answers them; one per session.

    A reply that was stopped midway stays in the conversation as far as it was read.
    """

    def __init__(self, client: httpx.Client, options: dict[str, Any]) -> None:
        """Take a client whose base URL is the API's, and the fields of every request."""
        self._client = client
        self._options = options
        self.on_progress: Callable[[dict[str, Any]], None] | None = None
        """Told where a reply is before its answer begins: `section` and `hidden_tokens`."""
        self.messages: list[dict[str, str]] = []

    def ask(self, text: str) -> Generator[str, None, None]:
        """Stream the answer; raises ChatError with a sentence saying what is wrong."""
        self.messages.append({"role": "user", "content": text})
        answer = ""
        try:
            for piece in self._stream():
                answer += piece
                yield piece
        finally:
            if answer:
                self.messages.append({"role": "assistant", "content": answer})
            else:
                self.messages.pop()

    def _stream(self) -> Iterator[str]:
        import httpx

        body = self._options | {"messages": self.messages, "stream": True}
        if self.on_progress is not None:
            body["stream_options"] = {"include_progress": True}
        try:
            with self._client.stream("POST", "chat/completions", json=body) as response:
                if response.is_error:
                    response.read()
                    raise ChatError(error_message(response))
                for chunk in _events(response.iter_bytes()):
                    if "error" in chunk:
                        raise ChatError(chunk["error"]["message"])
                    if self.on_progress is not None and "progress" in chunk:
                        self.on_progress(chunk["progress"])
                    for choice in chunk["choices"]:
                        yield choice["delta"].get("content") or ""
        except httpx.TransportError as error:
            raise ChatError(
                f"the connection broke: {str(error) or type(error).__name__}"
            ) from error


def _events(chunks: Iterator[bytes]) -> Iterator[Any]:
    """Parse the data of server-sent events up to [DONE]; comments are skipped."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    return
                yield json.loads(data)


def error_message(response: httpx.Response) -> str:
    """Return what a server says is wrong, as far as it says it."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {response.status_code}"
