"""Encoder: targets to token ids, and which of the ids are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from train.errors import TrainError
from train.scoring.controls import BREAK, Controls
from train.scoring.settings import Score
from train.scoring.target import Status, Target


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence for the model: ids[first:] are scored. Without ids `status` says why."""

    ids: tuple[int, ...]
    first: int
    status: Status = "ok"

    @property
    def num_targets(self) -> int:
        return len(self.ids) - self.first


EMPTY, TOO_LONG = Row((), 0, "empty"), Row((), 0, "too_long")


class Encoder:
    """Makes rows of targets with one tokenizer; pure.

    exact: context and target are tokenized apart, so that the target's ids are the same under every
    context; control tokens that stand in data are plain text. Those of a chat template are tokens,
    but for what has a BREAK in it.
    faithful: the joined text is tokenized, cut at the right, and the target searched for in it.
    """

    def __init__(self, settings: Score, tokenizer: Any, opening: int) -> None:
        """opening: the id that a sequence begins with, the tokenizer's BOS."""
        self._settings = settings
        self._tokenizer = tokenizer
        self._opening = opening
        self._has_control = settings.template == "chat" or settings.mode == "faithful"
        self._is_hidden = settings.template == "chat" and settings.mode == "exact"
        self._controls = Controls.of(tokenizer)
        self._drops_space = _writes_a_space(tokenizer)

    def encode(self, target: Target) -> Row:
        """Return the row to score; without ids where there is nothing to score."""
        if not target.target:
            return EMPTY
        if self._settings.mode == "exact":
            return self._encode_apart(target)
        return self._encode_joined(target) if target.context else self._encode_alone(target)

    def _encode_apart(self, target: Target) -> Row:
        context = self._context_ids(target.context)
        longest = max(len(context), len(self._context_ids(target.beside)))
        ids = self._target_ids(target.target)
        kept = ids[: max(0, self._settings.max_length - longest)]
        if not ids:
            return EMPTY
        if len(kept) < min(self._settings.min_target_tokens, len(ids)):
            return TOO_LONG
        return Row((*context, *kept), len(context))

    def _encode_joined(self, target: Target) -> Row:
        """Find the target as the published scripts do: search the text, tokenize what precedes."""
        text = target.context + target.target
        before = text[: text.rfind(target.target)]
        ids = self._cut(text, self._settings.max_length)
        first = len(self._context_ids(before))
        return Row(ids, first) if first < len(ids) else TOO_LONG

    def _encode_alone(self, target: Target) -> Row:
        context = self._cut(target.beside, self._settings.max_length)
        ids = self._cut(target.target, self._settings.max_length - len(context) + 1)
        return Row(ids, 1) if len(ids) > 1 else TOO_LONG

    def _cut(self, text: str, max_length: int) -> tuple[int, ...]:
        return tuple(self._context_ids(text)[:max_length])

    def _context_ids(self, text: str) -> list[int]:
        """Return the ids with exactly one opening id in front."""
        is_broken = self._is_hidden and BREAK in text  # elsewhere it is data
        ids = self._broken_ids(text) if is_broken else self._ids(text, self._has_control)
        return ids if ids[:1] == [self._opening] else [self._opening, *ids]

    def _broken_ids(self, text: str) -> list[int]:
        """Tokenize what stands between control tokens as plain text, as a server does."""
        ids: list[int] = []
        for part in self._controls.split(text):
            ids += [part] if isinstance(part, int) else self._ids(part, has_control=False)
        return ids

    def _target_ids(self, text: str) -> list[int]:
        plain = text.removeprefix(" ") if self._drops_space else text
        return self._ids(plain, has_control=False)

    def _ids(self, text: str, has_control: bool) -> list[int]:
        """Tokenize text; has_control: names of control tokens in it become these tokens."""
        if not text:
            return []
        encoded = self._tokenizer(
            text, add_special_tokens=False, split_special_tokens=not has_control, verbose=False
        )
        return list(encoded["input_ids"])


def _writes_a_space(tokenizer: Any) -> bool:
    """Ask whether a text's first word is tokenized as if a space stood before it (Llama 2)."""
    ids = tokenizer("a", add_special_tokens=False)["input_ids"]
    return str(tokenizer.convert_ids_to_tokens(ids)[0]).startswith("▁")


def find_opening(tokenizer: Any, config: Any) -> int:
    """Return the id that a text begins with: BOS, or the end of the text before where none is."""
    owners = (tokenizer, config.get_text_config())
    for name in ("bos_token_id", "eos_token_id"):
        for owner in owners:
            if (ids := getattr(owner, name, None)) is not None:
                return int(ids[0] if isinstance(ids, list) else ids)
    raise TrainError("score.model has neither a BOS nor an EOS token: a text could not begin")
