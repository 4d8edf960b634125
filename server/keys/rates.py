"""Rates: how much each key has used of its minute, so that none takes what is another's."""

from __future__ import annotations

import math
import time
from collections import Counter

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from server.errors import TooManyRequests, TooManyTokens
from server.keys.policy import Caller

REQUESTS, TOKENS = "requests", "tokens"


class Rates:
    """Counts requests and tokens by key, in memory; one per server.

    Requests are counted in a moving window, tokens in a fixed one, which begins with its first
    request: as what is reserved for an answer is given back when it is known what was used.
    """

    def __init__(self, window_s: int = 60) -> None:
        """Begin with nothing used; window_s: the minute, which tests shorten."""
        self._window_s = window_s
        storage = MemoryStorage()
        self._requests = MovingWindowRateLimiter(storage)
        self._tokens = FixedWindowRateLimiter(storage)
        self._storage = storage
        self._num_parallel: Counter[str] = Counter()

    def take_request(self, caller: Caller) -> None:
        """Count a request; raise TooManyRequests where that would be one too many."""
        self._take(caller, 1)

    def take_prompts(self, caller: Caller, num_prompts: int) -> None:
        """Count the prompts of a request as one each; the first was counted before it was read.

        Raises TooManyRequests, for good where a minute has not as many.
        """
        limit = caller.policy.requests_per_minute
        if limit is not None and num_prompts > limit:
            raise TooManyRequests(
                f"Request too large: {num_prompts} prompts count as requests, of {limit} per "
                "minute in all. Send fewer at once.",
                param="prompt",
            )
        if num_prompts > 1:
            self._take(caller, num_prompts - 1)

    def _take(self, caller: Caller, count: int) -> None:
        limit = caller.policy.requests_per_minute
        if limit is None:
            return
        item, names = self._item(limit), (REQUESTS, caller.key_id)
        if not self._requests.hit(item, *names, cost=count):
            raise TooManyRequests(
                f"Rate limit reached: {limit} requests per minute. Try again later.",
                retry_after_s=self._until(self._requests.get_window_stats(item, *names)[0]),
            )

    def begin(self, caller: Caller) -> Allotment:
        """Let a request in, to be answered; raise TooManyRequests or TooManyTokens.

        Nothing is known of its size yet, but that no token is left can be told without looking.
        """
        most = caller.policy.max_parallel
        if most is not None and self._num_parallel[caller.key_id] >= most:
            raise TooManyRequests(
                f"Rate limit reached: {most} requests at once. Wait until one is answered.",
                retry_after_s=1,
            )
        limit = caller.policy.tokens_per_minute
        if limit is not None:
            self.check_tokens(caller, limit, 1)
        self._num_parallel[caller.key_id] += 1
        return Allotment(self, caller)

    def check_tokens(self, caller: Caller, limit: int, num_tokens: int) -> None:
        """Raise TooManyTokens unless so many are left."""
        item = self._item(limit)
        reset_s, left = self._tokens.get_window_stats(item, TOKENS, caller.key_id)
        if left < num_tokens:
            raise TooManyTokens(
                f"Rate limit reached: {limit} tokens per minute, {left} left, {num_tokens} "
                "requested. Try again later, or ask for fewer with 'max_completion_tokens'.",
                retry_after_s=self._until(reset_s),
            )

    def num_tokens_left(self, caller: Caller, limit: int) -> int:
        """Return how many tokens a key has left."""
        return int(self._tokens.get_window_stats(self._item(limit), TOKENS, caller.key_id)[1])

    def take_tokens(self, caller: Caller, limit: int, num_tokens: int) -> float:
        """Count tokens and return the time at which they are forgotten."""
        item = self._item(limit)
        self._tokens.hit(item, TOKENS, caller.key_id, cost=num_tokens)
        return float(self._tokens.get_window_stats(item, TOKENS, caller.key_id)[0])

    def give_back(self, caller: Caller, limit: int, num_tokens: int, reset_s: float) -> None:
        """Forget tokens that were not used, unless their minute is over anyway."""
        key = self._item(limit).key_for(TOKENS, caller.key_id)
        if self._storage.get_expiry(key) == reset_s:
            self._storage.decr(key, num_tokens)

    def leave(self, caller: Caller) -> None:
        """Count a request out of those that are being answered."""
        self._num_parallel[caller.key_id] -= 1
        if not self._num_parallel[caller.key_id]:
            del self._num_parallel[caller.key_id]

    def headers(self, caller: Caller) -> list[tuple[bytes, bytes]]:
        """Return what tells a limited key what is left to it, as OpenAI writes it."""
        headers = []
        policy = caller.policy
        for what, limiter, limit in (
            (REQUESTS, self._requests, policy.requests_per_minute),
            (TOKENS, self._tokens, policy.tokens_per_minute),
        ):
            if limit is not None:
                reset_s, left = limiter.get_window_stats(self._item(limit), what, caller.key_id)
                until_s = max(0.0, reset_s - time.time()) if left < limit else 0.0
                headers += [
                    (f"x-ratelimit-limit-{what}".encode(), str(limit).encode()),
                    (f"x-ratelimit-remaining-{what}".encode(), str(left).encode()),
                    (f"x-ratelimit-reset-{what}".encode(), _duration(until_s).encode()),
                ]
        return headers

    def _item(self, limit: int) -> RateLimitItem:
        return RateLimitItemPerSecond(limit, self._window_s)

    def _until(self, time_s: float) -> int:
        """Return the whole seconds until then: 1 at least, a window at most."""
        return min(max(1, math.ceil(time_s - time.time())), self._window_s)


class Allotment:
    """What one request takes of its key's rates while it is answered; ended once, come what may.

    One that is dropped without an end, as its request was, ends with nothing used.
    """

    def __init__(self, rates: Rates, caller: Caller) -> None:
        """Count the request among those that are being answered."""
        self._rates = rates
        self._caller = caller
        self._limit = caller.policy.tokens_per_minute
        self._reserved = 0
        self._reset_s = 0.0
        self._is_open = True

    def reserve(self, prompt_tokens: int, completion_tokens: int, *, is_asked: bool) -> None:
        """Take the most that the answer can cost; raise TooManyTokens where it is not left.

        is_asked: whether the client asked for that many; if not, half of what is left is enough,
        and whatever the answer costs is counted in the end.
        """
        if self._limit is None:
            return
        if not is_asked:
            left = self._rates.num_tokens_left(self._caller, self._limit)
            completion_tokens = min(completion_tokens, max(1, (left - prompt_tokens) // 2))
        cost = prompt_tokens + completion_tokens
        if cost > self._limit:
            raise TooManyTokens(
                f"Request too large: {cost} tokens requested, of {self._limit} per minute in all. "
                "Shorten the messages, or ask for fewer with 'max_completion_tokens'."
            )
        self._rates.check_tokens(self._caller, self._limit, cost)
        self._reset_s = self._rates.take_tokens(self._caller, self._limit, cost)
        self._reserved = cost

    def end(self, used_tokens: int = 0) -> None:
        """Settle what was reserved with what was used."""
        if not self._is_open:
            return
        self._is_open = False
        self._rates.leave(self._caller)
        if self._limit is None:
            return
        if used_tokens > self._reserved:
            self._rates.take_tokens(self._caller, self._limit, used_tokens - self._reserved)
        else:
            unused = self._reserved - used_tokens
            self._rates.give_back(self._caller, self._limit, unused, self._reset_s)

    def __del__(self) -> None:
        self.end()


def _duration(seconds: float) -> str:
    """Write a time as OpenAI does: 120ms, 6s, 1m30s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
