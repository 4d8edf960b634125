"""The automata of one model: the free one, and one for each constraint on the answer."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Collection
from concurrent.futures import Future
from functools import cache
from pathlib import Path

from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.automaton_cache import AutomatonCache
from decoding.format import ReplyFormat
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import GrammarError, TooLargeError
from decoding.head import AutomatonError, Head, lift_head
from decoding.masks import Masks
from decoding.vocabulary import Vocabulary

MAX_STATES = (10_000, 4_000)  # of a constraint's DFA: its automaton has about twice as many
MAX_AUTOMATA, MAX_BYTES = 64, 256 * 2**20  # of the constrained ones in memory
MAX_REFUSED, MAX_REASON = 1024, 1000  # constraints that cannot be; characters of why each cannot


class Automata:
    """All automata of one model; one per process, used from any thread.

    An automaton is sought in memory, then on disk, then made; one that is being made is waited
    for, and holds up no other; one that cannot be made is not tried again soon. The head, which
    all of them share, is lifted when the first is made.
    """

    def __init__(
        self,
        format: ReplyFormat,
        vocabulary: Vocabulary,
        stop_token_ids: Collection[int],
        reply_prefix: str = "",
        *,
        folder: Path | None = None,
        max_automata: int = MAX_AUTOMATA,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Find or make the free automaton; raise AutomatonError if there can be none.

        folder: where automata are kept between runs; None keeps none.
        """
        self._head_parts = (format, vocabulary, tuple(sorted(set(stop_token_ids))), reply_prefix)
        self._key_base = _key_base(*self._head_parts)
        self._cache = AutomatonCache.open(folder)
        self._head: Head | None = None
        self._head_lock = threading.Lock()
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Masks] = OrderedDict()  # in the order of their last use
        self._refused: OrderedDict[str, str] = OrderedDict()  # what was wrong with the constraint
        self._pending: dict[str, Future[Masks]] = {}
        self._max_automata, self._max_bytes = max_automata, max_bytes
        self.plain_masks = self._load_or_make(self._key(None), None)

    @property
    def plain(self) -> Automaton:
        """The automaton of a reply whose answer is free."""
        return self.plain_masks.automaton

    def find(self, constraint: AnswerConstraint | None = None) -> Automaton:
        """Return the automaton of a constraint; raise GrammarError if there can be none."""
        return self.find_masks(constraint).automaton

    def find_masks(self, constraint: AnswerConstraint | None = None) -> Masks:
        """Return the automaton of a constraint with its masks, which its matchers share."""
        if constraint is None:
            return self.plain_masks
        key = self._key(constraint)
        with self._lock:
            known = self._recall(key)
            if known is not None:
                return known
            pending = self._pending.get(key)
            if pending is None:
                made = self._pending[key] = Future()
        return self._fulfil(made, key, constraint) if pending is None else pending.result()

    def known_masks(self, constraint: AnswerConstraint) -> Masks | None:
        """Return, or raise, what `find_masks` would, if it is in memory; never waits for it.

        Its file counts as used too: another process will look for it there.
        """
        key = self._key(constraint)
        with self._lock:
            known = self._recall(key)
        if known is not None and self._cache is not None:
            self._cache.touch(key)
        return known

    def _recall(self, key: str) -> Masks | None:
        if key in self._refused:
            raise GrammarError(self._refused[key])
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def _fulfil(self, future: Future[Masks], key: str, constraint: AnswerConstraint) -> Masks:
        try:
            masks = self._load_or_make(key, constraint)
        except BaseException as error:
            if isinstance(error, GrammarError):
                error.args = (f"{error!s:.{MAX_REASON}}",)
            with self._lock:
                if isinstance(error, GrammarError):
                    self._refused[key] = str(error)
                if len(self._refused) > MAX_REFUSED:
                    self._refused.popitem(last=False)
                del self._pending[key]
            future.set_exception(error)
            raise
        with self._lock:
            self._known[key] = masks
            self._trim()
            del self._pending[key]
        future.set_result(masks)
        return masks

    def _trim(self) -> None:
        """Drop what was used longest ago; the last one stays whatever its size."""
        sizes = {key: masks.automaton.num_bytes for key, masks in self._known.items()}
        while len(sizes) > 1 and (
            len(sizes) > self._max_automata or sum(sizes.values()) > self._max_bytes
        ):
            key, _ = self._known.popitem(last=False)
            del sizes[key]

    def _load_or_make(self, key: str, constraint: AnswerConstraint | None) -> Masks:
        automaton = None if self._cache is None else self._cache.load(key)
        if automaton is None:
            automaton = self._make(constraint)
            if self._cache is not None:
                self._cache.save(key, automaton)
        return Masks(automaton)

    def _make(self, constraint: AnswerConstraint | None) -> Automaton:
        if constraint is None:
            return Automaton.assemble(self._lift_head())
        for max_states in MAX_STATES[:-1]:
            try:
                return self._assemble(constraint.compile(max_states))
            except TooLargeError:  # a schema's bounds may be lowered further
                continue
        return self._assemble(constraint.compile(MAX_STATES[-1]))

    def _assemble(self, answer: Dfa) -> Automaton:
        try:
            return Automaton.assemble(self._lift_head(), answer)
        except AutomatonError as error:  # of the free one there is no such complaint
            raise GrammarError(f"the model's vocabulary cannot spell the answer: {error}") from None

    def _lift_head(self) -> Head:
        with self._head_lock:
            if self._head is None:
                self._head = lift_head(*self._head_parts)
            return self._head

    def _key(self, constraint: AnswerConstraint | None) -> str:
        sha = self._key_base.copy()
        sha.update(b"" if constraint is None else constraint.digest.encode())
        return sha.hexdigest()


def _key_base(
    format: ReplyFormat, vocabulary: Vocabulary, stop_token_ids: tuple[int, ...], prefix: str
) -> hashlib._Hash:
    """Return the hash of all that the automata of one model have in common."""
    parts = [_code_digest(), format.to_dict(), vocabulary.digest, stop_token_ids, prefix]
    return hashlib.sha256(json.dumps(parts).encode())


@cache
def _code_digest() -> str:
    """Return the digest of this package's source: what other code has made is not ours to use."""
    sha = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()
