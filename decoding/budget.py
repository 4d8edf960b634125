"""The budget: how much one reply may think, reflect and say, checked at admission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from decoding.automaton import MAX_MIN_REFLECTIONS, Automaton
from decoding.bundle import BudgetDefaults
from decoding.format import ReplyFormat

MAX_TOKENS = 1 << 19
SOFT_SHARE, MAX_SOFT_TOKENS = 4, 64  # a quarter of the thinking, at most 64 tokens, may be unused


class BudgetError(ValueError):
    """A budget within which no reply can end well.

    field: the request's field to change; least, most: the nearest value that would do, where the
    one that came is too small or too large.
    """

    def __init__(
        self, message: str, *, field: str, least: int | None = None, most: int | None = None
    ) -> None:
        """Take the sentence for the client, the field at fault and the value that would do."""
        super().__init__(message)
        self.field = field
        self.least = least
        self.most = most


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of one reply, in tokens but for the reflections; one per request.

    max_tokens counts the whole reply, EOS included. max_thinking_tokens counts the tokens read
    inside thinking and reflection, closing tags included. min_answer_tokens is what thinking may
    not eat: when the output opens, so many answer tokens still fit. min_tokens is the least length
    of the whole reply. soft_tokens: with so many tokens left to think, or fewer, the first end of a
    sentence ends the thought.
    """

    max_tokens: int
    max_thinking_tokens: int
    min_reflections: int = 0
    max_reflections: int = 8
    min_answer_tokens: int = 1
    min_tokens: int = 0
    soft_tokens: int = 0

    def __post_init__(self) -> None:
        """Raise BudgetError for values that no automaton could serve."""
        for name, value in self.to_dict().items():
            low = 1 if name in ("max_tokens", "min_answer_tokens") else 0
            if type(value) is not int or not low <= value <= MAX_TOKENS:
                is_large = type(value) is int and value > low
                raise BudgetError(
                    f"{name} must be an integer of {low} to {MAX_TOKENS}, not {value!r}",
                    field=name,
                    least=None if is_large else low,
                    most=MAX_TOKENS if is_large else None,
                )
        if self.min_reflections > MAX_MIN_REFLECTIONS:
            raise BudgetError(
                f"min_reflections must be at most {MAX_MIN_REFLECTIONS}, "
                f"not {self.min_reflections}",
                field="min_reflections",
                most=MAX_MIN_REFLECTIONS,
            )
        if self.max_reflections < self.min_reflections:
            raise BudgetError(
                f"max_reflections must be at least min_reflections ({self.min_reflections}), "
                f"not {self.max_reflections}",
                field="max_reflections",
                least=self.min_reflections,
            )
        if self.min_tokens > self.max_tokens:
            raise BudgetError(
                f"min_tokens must be at most max_tokens ({self.max_tokens}), not {self.min_tokens}",
                field="min_tokens",
                most=self.max_tokens,
            )

    @property
    def reserve(self) -> int:
        """Tokens beyond the shortest way to the end that thinking must leave."""
        return self.min_answer_tokens - 1

    def to_dict(self) -> dict[str, int]:
        """Return the JSON form, the inverse of `from_dict`."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from the JSON form; raise BudgetError on an unknown key, or without the limits."""
        known = {field.name for field in fields(cls)}
        odd = sorted((set(values) - known) | ({"max_tokens", "max_thinking_tokens"} - set(values)))
        if odd:
            raise BudgetError(
                f"a budget must have keys of {sorted(known)}, of which max_tokens and "
                "max_thinking_tokens are required",
                field=odd[0],
            )
        return cls(**values)

    def skips_thinking(self, format: ReplyFormat) -> bool:
        """Whether the reply is its output alone; then no prefix of a thought may precede it."""
        return self.max_thinking_tokens == 0 and format.is_thinking_optional

    def start(self, automaton: Automaton) -> int:
        """Return the state where the reply starts, which is that after the prefix if it thinks."""
        return automaton.bare_start if self.skips_thinking(automaton.format) else automaton.start

    def check(self, automaton: Automaton) -> None:
        """Raise BudgetError unless every reply within this budget can end well-formed."""
        start = self.start(automaton)
        least = int(automaton.finish[self.min_reflections, start]) + self.reserve
        if self.max_tokens < least:
            raise BudgetError(
                f"max_tokens must be at least {least} for a complete reply with at least "
                f"{self.min_reflections} reflections and {self.min_answer_tokens} answer tokens, "
                f"not {self.max_tokens}",
                field="max_tokens",
                least=least,
            )
        least = int(automaton.close[self.min_reflections, start])
        if self.max_thinking_tokens < least:
            raise BudgetError(
                f"max_thinking_tokens must be at least {least} for at least "
                f"{self.min_reflections} reflections, not {self.max_thinking_tokens}",
                field="max_thinking_tokens",
                least=least,
            )
        if self.min_tokens and automaton.is_constrained:
            raise BudgetError(
                "min_tokens cannot be promised for a constrained answer; leave it out",
                field="min_tokens",
                most=0,
            )

    @classmethod
    def for_request(
        cls,
        automaton: Automaton,
        defaults: BudgetDefaults,
        *,
        room: int,
        effort: int | None = None,
        max_tokens: int | None = None,
        max_thinking_tokens: int | None = None,
        min_reflections: int | None = None,
        max_reflections: int | None = None,
        min_answer_tokens: int | None = None,
    ) -> Self:
        """Settle a request's budget: what it asks for is honoured or refused, defaults shrink.

        room: tokens left in the context after the prompt; a cap, as max_tokens is one. effort:
        the thinking tokens of the requested reasoning effort, a wish that also shrinks or grows
        to what can be served. Raises BudgetError.
        """
        asked = {"min_reflections": min_reflections, "min_answer_tokens": min_answer_tokens}
        least_reflections = defaults.min_reflections if min_reflections is None else min_reflections
        most_reflections = max_reflections
        if most_reflections is None:
            most_reflections = max(defaults.max_reflections, least_reflections)
        elif min_reflections is None:
            least_reflections = min(least_reflections, most_reflections)
        wish = defaults.max_thinking_tokens if effort is None else effort
        budget = cls(
            max_tokens=min(defaults.max_tokens if max_tokens is None else max_tokens, MAX_TOKENS),
            max_thinking_tokens=min(
                wish if max_thinking_tokens is None else max_thinking_tokens, MAX_TOKENS
            ),
            min_reflections=least_reflections,
            max_reflections=most_reflections,
            min_answer_tokens=1 if min_answer_tokens is None else min_answer_tokens,
        )
        least = int(automaton.finish[least_reflections, budget.start(automaton)])
        if room < least + budget.reserve:
            raise _no_room(budget, automaton, room, [k for k, v in asked.items() if v is not None])
        settled = replace(budget, max_tokens=min(budget.max_tokens, room))
        if min_answer_tokens is None:
            spare = max(0, settled.max_tokens - least)
            answer = max(1, min(defaults.min_answer_tokens, spare // 2 + 1))
            settled = replace(settled, min_answer_tokens=answer)
        if max_thinking_tokens is None:
            least_thinking = int(automaton.close[least_reflections, settled.start(automaton)])
            thinking = max(settled.max_thinking_tokens, least_thinking)
            settled = replace(settled, max_thinking_tokens=thinking)
        room_to_think = min(settled.max_thinking_tokens, settled.max_tokens - least)
        soft = min(max(room_to_think, 0) // SOFT_SHARE, MAX_SOFT_TOKENS)
        settled = replace(settled, soft_tokens=soft)
        settled.check(automaton)
        return settled


def _no_room(budget: Budget, automaton: Automaton, room: int, asked: list[str]) -> BudgetError:
    """Blame what was asked for if the context has room for a reply without it, else the prompt."""
    least, barely = automaton.finish[[budget.min_reflections, 0], budget.start(automaton)].tolist()
    least += budget.reserve
    if room < barely or not asked:
        return BudgetError(
            f"the messages leave {max(room, 0)} tokens of the model's context for the reply; a "
            f"complete one needs at least {least}: shorten the messages",
            field="messages",
            least=least,
        )
    field = asked[-1] if budget.reserve or len(asked) == 1 else asked[0]
    return BudgetError(
        f"{field} is too large: with it a complete reply needs at least {least} tokens, and the "
        f"messages leave {room} of the model's context",
        field=field,
        most=getattr(budget, field) - 1,
    )
