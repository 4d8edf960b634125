"""render_prompt: the messages of a request as token ids, in which no client can fake a turn."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer

from decoding.bundle import Bundle
from server.prompts.chat_message import ChatMessage, one_call_a_turn
from server.prompts.chat_template import Calls, ChatTemplate
from server.prompts.client_text import Piece
from server.prompts.tool_text import in_plain_text


class PromptError(ValueError):
    """Messages that cannot become a prompt, or a tokenizer that cannot make one."""


class Prompter:
    """Turns messages into token ids with the bundle's chat template; one per server, immutable.

    Runs of plain text, the template's and the clients' together, are encoded by a tokenizer that
    knows no control token; those come from the template's own text alone. For texts without control
    tokens the ids are those of encoding the whole rendered prompt. An added token is a control
    token unless it is white space alone, as runs of blanks are in some tokenizers, and not special.
    """

    def __init__(
        self,
        template: ChatTemplate,
        tokenizer: Tokenizer,
        plain: Tokenizer,
        *,
        system_prompt: str | None = None,
        reply_prefix: str = "",
    ) -> None:
        """Take both tokenizers, and what the bundle adds around the messages."""
        added = tokenizer.get_added_tokens_decoder()
        controls = {
            token.content: i
            for i, token in added.items()
            if _is_control(token.content, is_special=token.special)
        }
        self._controls = controls
        self._control_ids = frozenset(controls.values())
        by_length = sorted(controls, key=len, reverse=True)
        # "(?!)" matches nothing: of a tokenizer without added tokens nothing is a control token.
        self._split = re.compile(f"({'|'.join(map(re.escape, by_length)) or '(?!)'})")
        self.control_data = {i: text.encode() for text, i in controls.items()}
        """What the control tokens are written as."""
        self._plain = plain
        self._template = template
        self._system_prompt = system_prompt
        self._reply_prefix = reply_prefix
        bos = template.named_tokens.get("bos_token")
        self._bos = None if bos is None else tokenizer.token_to_id(bos)
        self._must_begin = self._bos is not None and tokenizer.encode("").ids[:1] == [self._bos]

    @classmethod
    def load(cls, bundle: Bundle) -> Self:
        """Read the tokenizer and the chat template of a bundle's folder.

        Renders one message, so that a template that cannot fails here and not in every request.
        """
        path = Path(bundle.folder) / "tokenizer.json"
        try:
            document = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PromptError(f"{path} cannot be read as JSON: {error}") from error
        tokenizer = Tokenizer.from_str(json.dumps(document))
        prompter = cls(
            ChatTemplate.load(bundle.folder),
            tokenizer,
            _plain(document),
            system_prompt=bundle.system_prompt,
            reply_prefix=bundle.reply_prefix,
        )
        if not prompter.render_prompt([ChatMessage("user", "Hello")]):
            raise PromptError(f"the chat template of {bundle.folder} makes no prompt")
        return prompter

    def render_prompt(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        has_prefix: bool = True,
    ) -> list[int]:
        """Return the prompt's ids up to where the model writes on; exactly one BOS stands first.

        has_prefix: whether the reply's prefix ends it. Raises TemplateError if the template refuses
        the order of the messages. Tools, calls and results that it cannot write are plain text.
        """
        if self._system_prompt is not None and all(m.role != "system" for m in messages):
            messages = [ChatMessage("system", self._system_prompt), *messages]
        if self._template.calls is Calls.NONE:
            messages, tools = in_plain_text(messages, tools), ()
        elif self._template.calls is Calls.ONE:
            messages = one_call_a_turn(messages)
        prefix = self._reply_prefix if has_prefix else ""
        pieces = [*self._template.render(messages, tools), Piece(prefix, is_template=True)]
        token_ids: list[int] = []
        run = ""
        for piece in pieces:
            parts = self._split.split(piece.text) if piece.is_template else [piece.text]
            for number, part in enumerate(parts):
                if number % 2:
                    token_ids += [*self.encode(run), self._controls[part]]
                    run = ""
                else:
                    run += part
        return self._begin(token_ids + self.encode(run))

    def encode_text(self, text: str, *, has_special: bool) -> list[int]:
        """Return the ids of a text by itself, behind a BOS where the model's prompts have one."""
        ids = self.encode(text)
        return self._begin(ids) if has_special and self._must_begin else ids

    def encode(self, run: str) -> list[int]:
        """Return the ids of plain text; raise PromptError if they held a control token."""
        ids: list[int] = self._plain.encode(run, add_special_tokens=False).ids if run else []
        if not self._control_ids.isdisjoint(ids):
            raise PromptError("the messages spell a control token of the model")
        return ids

    def _begin(self, token_ids: list[int]) -> list[int]:
        if self._bos is None:
            return token_ids
        first = next((at for at, i in enumerate(token_ids) if i != self._bos), len(token_ids))
        if first == 0 and not self._must_begin:
            return token_ids
        return [self._bos, *token_ids[first:]]


def _is_control(content: str, *, is_special: bool) -> bool:
    return is_special or bool(content.strip())


def _plain(document: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer with its ids, to which control tokens are only text."""
    added = [
        token | {"special": _is_control(token["content"], is_special=token["special"])}
        for token in document.get("added_tokens") or ()
    ]
    plain = Tokenizer.from_str(json.dumps({**document, "added_tokens": added}))
    plain.encode_special_tokens = True
    return plain
