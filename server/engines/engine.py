"""Engine: what the server asks of the thing that turns token ids into more token ids."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from decoding.answer import AnswerConstraint
from decoding.budget import Budget

FinishReason = Literal["stop", "length", "abort"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to pick the tokens of one engine request; temperature 0 is greedy, top_k 0 is all.

    num_logprobs: of how many most likely tokens to tell beside the sampled one; None tells nothing
    logit_bias: token ids, and what is added to their logits
    """

    max_tokens: int
    temperature: float
    top_p: float = 1.0
    seed: int | None = None
    n: int = 1
    num_logprobs: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    top_k: int = 0
    min_p: float = 0.0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The logarithmic probability of one token id at one position, and its rank (1 is best)."""

    token_id: int
    logprob: float
    rank: int


@dataclass(frozen=True, slots=True)
class EngineDelta:
    """The next token ids of one reply; the last delta of a reply carries its finish reason.

    `logprobs` has one entry per token id when they were asked for: the sampled token first, then
    the most likely ones.
    """

    index: int
    token_ids: tuple[int, ...]
    finish_reason: FinishReason | None = None
    logprobs: tuple[tuple[TokenLogprob, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class EngineStats:
    """How many requests the engine holds now."""

    num_running: int
    num_waiting: int

    @property
    def num_unfinished(self) -> int:
        """Running and waiting together."""
        return self.num_running + self.num_waiting


class Engine(Protocol):
    """Writes replies as token ids; one per process, shared by all requests."""

    @property
    def vocab_size(self) -> int:
        """The number of logits, which may be larger than the tokenizer's vocabulary."""
        ...

    @property
    def max_model_len(self) -> int:
        """The most tokens a prompt and its reply may have together."""
        ...

    @property
    def is_healthy(self) -> bool:
        """Tell whether the engine can still take requests."""
        ...

    def generate(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        sampling: Sampling,
        budget: Budget | None,
        constraint: AnswerConstraint | None = None,
        cache_salt: str | None = None,
        adapter: str | None = None,
    ) -> AsyncGenerator[EngineDelta, None]:
        """Stream the reply; closing the generator aborts it; no budget leaves it unenforced.

        constraint: what the answer of an enforced reply must be; None is any text
        cache_salt: what was computed of prompts is used again only for the same salt, so that
        nobody can tell by the time whether another's prompt began as his does
        adapter: the name of one that was added; None is the model itself
        """
        ...

    async def abort(self, request_id: str) -> None:
        """Stop a request; its generator ends with finish reason "abort"."""
        ...

    async def drain(self, timeout_s: float) -> None:
        """Wait until no request is unfinished, at most `timeout_s`."""
        ...

    def stats(self) -> EngineStats:
        """Count the requests the engine holds."""
        ...

    async def pause(self) -> None:
        """Wait until nothing runs, begin nothing more, and forget what is remembered of prompts."""
        ...

    async def resume(self) -> None:
        """Run again what waits and what comes."""
        ...

    async def reload(self, folder: Path) -> None:
        """Put a folder's weights, of the same shapes, in place of the present ones; when paused.

        Raises EngineError where they cannot be loaded; the weights are then any, until the next
        call succeeds.
        """
        ...

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Load a LoRA adapter under a name of its own; raises RequestError if it does not fit."""
        ...

    async def remove_adapter(self, name: str) -> None:
        """Forget an adapter; replies that it writes go on to their end."""
        ...

    async def close(self) -> None:
        """Stop the engine and free what it holds; unfinished requests are aborted."""
        ...
