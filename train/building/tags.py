"""Tags: how the six tags of a reply stand in a tokenizer.

`added` is the default: one id each, never split, and visible when a server decodes with
skip_special_tokens=True. `special` is Reflection-70B's way; such tags vanish there. `text` leaves
the vocabulary alone, for adapters on a stock model; a reply's tags are then several tokens each.
"""

from __future__ import annotations

from typing import Any, Literal

from tokenizers import AddedToken

from decoding.format import ReplyFormat
from train.errors import ConfigError

Tags = Literal["added", "special", "text"]


def add_tags(tokenizer: Any, tags: Tags, format: ReplyFormat) -> tuple[str, ...]:
    """Add to the tokenizer the tags that it lacks; return those added, in the order of their ids.

    Raises ConfigError where the tokenizer has them already, but not as `tags` says.
    """
    known = {token.content: token.special for token in tokenizer.added_tokens_decoder.values()}
    for tag in format.tags:
        has = {True: "special", False: "added", None: "text"}[known.get(tag)]
        if has not in ("text", tags):
            raise ConfigError(f"{tag} is a token of the tokenizer already: build.tags = {has!r}")
    missing = [] if tags == "text" else [tag for tag in format.tags if tag not in known]
    is_special = tags == "special"
    tokens = [AddedToken(tag, special=is_special, normalized=False) for tag in missing]
    tokenizer.add_tokens(tokens, special_tokens=is_special)
    return tuple(missing)
