"""Renderer: conversations as token ids with labels, through the tokenizer's own chat template.

A prompt is what the template makes of the messages, the generation prompt included, as a server
renders it; the reply and the token that ends a turn stand right behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np

from decoding.format import ReplyFormat
from train.building.conversation import Conversation, Drop, Reason
from train.building.dataset import MASKED, Row
from train.errors import ConfigError
from train.labels import (
    learned_tokens,
    mark_kinds,
    mark_learned,
    straddling_tokens,
    token_kinds,
)
from train.segments import Segment

PROBE_USER, PROBE_REPLY = "A probe of the template.", "<output>The reply to it.</output>"
PROBES = ("text", "\ntext", " text ")  # behind a tag
NOTHING = re.compile(r"(?!)")

Turn = dict[str, str]


@dataclass(frozen=True, slots=True)
class Taught:
    """One copy of a conversation, with the system prompt and the loss flags it is taught with."""

    conversation: Conversation
    system: str
    segments: tuple[Segment, ...]
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row, and how many of its tokens hold learned and masked characters both."""

    row: Row
    num_straddling: int


class Renderer:
    """Renders for one tokenizer, whose tags are added already; one per build, immutable.

    Laws: the ids begin with exactly one BOS where the tokenizer has one and its prompts begin with
    it; the last label is the id of the token that ends a turn; without straddling tokens the
    labels decode to exactly the text that is to be learned.
    """

    def __init__(self, tokenizer: Any, format: ReplyFormat, max_length: int) -> None:
        _choose_template(tokenizer)
        self._tokenizer = tokenizer
        self._max_length = min(max_length, tokenizer.model_max_length)
        self._bos: int | None = tokenizer.bos_token_id
        self._must_begin = self._bos is not None and tokenizer("")["input_ids"][:1] == [self._bos]
        controls = _control_tokens(tokenizer)
        self._controls, self._reply_controls = _any_of(controls), _any_of(controls - {*format.tags})
        self.end = self._find_end()
        self.end_id: int = tokenizer.convert_tokens_to_ids(self.end)
        _check_tags(tokenizer, format)

    def check_system(self, system: str, setting: str) -> None:
        """Raise ConfigError where the template refuses a system prompt, or leaves it out."""
        try:
            text = self._write(_turn("system", system), _turn("user", PROBE_USER))
        except ConfigError as error:
            raise ConfigError(f"{setting}: {error}") from error
        if system.strip() not in text:
            raise ConfigError(
                f"{setting}: the chat template leaves system prompts out, so that none would be "
                "learned; set it to nothing, or take another template"
            )

    def render(self, taught: Sequence[Taught]) -> list[Rendered | Drop]:
        """Return for each a row, or why there is none."""
        heads = [self._prompt(each) for each in taught]
        texts = [
            head + each.conversation.reply + self.end
            for head, each in zip(heads, taught, strict=True)
        ]
        encoded = self._tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return [
            self._row(each, len(head), text, np.array(ids, np.int32), np.array(offsets))
            for each, head, text, ids, offsets in zip(
                taught, heads, texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
            )
        ]

    def _prompt(self, taught: Taught) -> str:
        system = [_turn("system", taught.system)] if taught.system else []
        return self._write(*system, _turn("user", taught.conversation.question))

    def _write(self, *turns: Turn, is_prompt: bool = True) -> str:
        """Return what the template makes of the turns; raise ConfigError where it refuses them."""
        try:
            text: str = self._tokenizer.apply_chat_template(
                list(turns), tokenize=False, add_generation_prompt=is_prompt
            )
        except jinja2.TemplateError as error:
            roles = " and ".join(turn["role"] for turn in turns)
            raise ConfigError(f"the chat template refuses turns of {roles}: {error}") from error
        return text

    def _row(
        self, taught: Taught, head: int, text: str, ids: np.ndarray, offsets: np.ndarray
    ) -> Rendered | Drop:
        conversation = taught.conversation
        spelled = self._controls.search(conversation.question + "\n" + taught.system)
        spelled = spelled or self._reply_controls.search(conversation.reply)
        if spelled:
            return Drop.of(conversation, Reason.CONTROL_TEXT, spelled[0])
        learned = mark_learned(head, taught.segments, len(text))
        labels = np.where(learned_tokens(learned, offsets), ids, MASKED).astype(np.int32)
        kinds = token_kinds(mark_kinds(head, taught.segments, len(text)), offsets)
        ids, labels, kinds = self._begin(ids, labels, kinds)
        if len(ids) > self._max_length:
            detail = f"{len(ids)} tokens of {self._max_length}"
            return Drop.of(conversation, Reason.TOO_LONG, detail)
        assert labels[-1] == self.end_id  # noqa: S101  (no tokenizer splits a special token)
        row = Row(conversation.id, conversation.source, taught.copy, ids, labels, kinds)
        return Rendered(row, int(straddling_tokens(learned, offsets).sum()))

    def _begin(self, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
        """Leave exactly one BOS at the start, by the rule that a server has for its prompts."""
        ids = columns[0]
        if self._bos is None:
            return columns
        first = int(np.argmax(ids != self._bos))
        if first == 0 and not self._must_begin:
            return columns
        begin = (self._bos, MASKED, 0)
        return tuple(
            np.concatenate([np.array([value], column.dtype), column[first:]])
            for value, column in zip(begin, columns, strict=True)
        )

    def _find_end(self) -> str:
        """Return the special token by which the template ends a turn of the assistant."""
        turns = _turn("user", PROBE_USER), _turn("assistant", PROBE_REPLY)
        text = self._write(*turns, is_prompt=False)
        after = text.partition(PROBE_REPLY)[2].lstrip()
        added = self._tokenizer.added_tokens_decoder.values()
        special = [token.content for token in added if token.special]
        ends = [token for token in special if after.startswith(token)]
        if not ends:
            raise ConfigError(
                "the chat template ends an assistant's turn by no special token: a model taught "
                "with it would never stop"
            )
        return str(max(ends, key=len))


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _choose_template(tokenizer: Any) -> None:
    """Let the default of several chat templates be the only one, as it is for a server."""
    try:
        tokenizer.chat_template = tokenizer.get_chat_template()
    except ValueError as error:
        raise ConfigError(
            "the tokenizer has no chat template, or several and none named default: "
            "build.tokenizer must have one"
        ) from error


def _check_tags(tokenizer: Any, format: ReplyFormat) -> None:
    """Raise ConfigError where tags with text behind them would be learned as something else.

    SentencePiece's older tokenizers put a blank before the text behind an added token.
    """
    text = "".join(tag + probe for tag in format.tags for probe in PROBES)
    if (found := _read_back(tokenizer, text)) == text:
        return
    plain = text.upper()  # in which no tag is a token
    other = 'build.tags = "text", or ' if _read_back(tokenizer, plain) == plain else ""
    raise ConfigError(
        f"the tokenizer reads {text[:60]!r} back as {found[:60]!r}: it needs {other}a "
        'pre-tokenizer Metaspace with prepend_scheme = "first" in its tokenizer.json'
    )


def _read_back(tokenizer: Any, text: str) -> str:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def _control_tokens(tokenizer: Any) -> set[str]:
    """Return the added tokens but for runs of white space, by the rule that a server has."""
    added = tokenizer.added_tokens_decoder.values()
    return {token.content for token in added if token.special or token.content.strip()}


def _any_of(tokens: set[str]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else NOTHING
