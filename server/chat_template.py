"""The chat template of a model: messages in, pieces of text out, the template's apart from theirs.

Every content is rendered as a marker and put back afterwards, so that whatever a client writes
stays recognisable as the client's and can never become one of the template's control tokens.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

# A blank that no template writes: where the template trims, it is gone after rendering.
EDGE = "\u2028"
NAMED_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")


class TemplateError(ValueError):
    """A chat template that is missing, or that refuses the messages."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn: who speaks (system, user or assistant) and what."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a rendered prompt, written by the template or by a client."""

    text: str
    is_template: bool


class ChatTemplate:
    """The Jinja template of one model and the special tokens it names; shared, immutable."""

    def __init__(self, source: str, named_tokens: dict[str, str]) -> None:
        """Compile the template; raise TemplateError if it cannot be."""
        try:
            self._template = _environment().from_string(source)
        except jinja2.TemplateError as error:
            raise TemplateError(f"the chat template cannot be compiled: {error}") from error
        self.named_tokens = named_tokens
        self._marker = f"Content{secrets.token_hex(8)}Nr"
        self._marked = re.compile(f"({EDGE}?){self._marker}([0-9]+)End({EDGE}?)")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read chat_template.jinja, or the template in tokenizer_config.json."""
        config = _read_config(folder)
        named = {name: token for name in NAMED_TOKENS if (token := _token_text(config.get(name)))}
        path = folder / "chat_template.jinja"
        source = path.read_text("utf-8") if path.is_file() else config.get("chat_template")
        if isinstance(source, list):
            source = next((each["template"] for each in source if each["name"] == "default"), None)
        if not isinstance(source, str):
            raise TemplateError(f"{folder} has no chat template")
        return cls(source, named)

    def render(self, messages: Sequence[ChatMessage]) -> list[Piece]:
        """Return the prompt up to where the reply begins; raise TemplateError if it refuses."""
        marked = [
            {"role": message.role, "content": f"{EDGE}{self._marker}{number}End{EDGE}"}
            for number, message in enumerate(messages)
        ]
        try:
            text = self._template.render(
                messages=marked, add_generation_prompt=True, **self.named_tokens
            )
        except jinja2.TemplateError as error:
            raise TemplateError(
                f"the model's chat template refuses the messages: {error}"
            ) from None
        pieces = []
        end = 0
        for match in self._marked.finditer(text):
            pieces.append(Piece(text[end : match.start()], is_template=True))
            content = messages[int(match[2])].text
            content = content if match[1] else content.lstrip()
            pieces.append(Piece(content if match[3] else content.rstrip(), is_template=False))
            end = match.end()
        return [*pieces, Piece(text[end:], is_template=True)]


class _Generation(Extension):
    """Takes `{% generation %}…{% endgeneration %}`, which training asks for, as its body."""

    tags = {"generation"}  # noqa: RUF012  (Jinja's interface)

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    """Make the environment that chat templates are written for: transformers' own."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TemplateError(f"{folder / 'tokenizer_config.json'} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise TemplateError(f"{folder / 'tokenizer_config.json'} must hold a JSON object")
    return config


def _token_text(token: Any) -> str | None:
    """Return the text of a token that may be written as a string or as an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None
