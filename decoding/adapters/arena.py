"""The arena: the tables of several automata of one vocabulary, one after the other on a device.

A row of a batch names its automaton by slot; `info[slot]` says where its tables begin.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import torch

from decoding.automaton import MAX_MIN_REFLECTIONS, Automaton
from decoding.byte_dfa import Phase

MAX_IDLE_AUTOMATA = 16
MAX_IDLE_BYTES = 1 << 28  # of tables that no row follows
MAX_BYTES = 1 << 32  # of all: a cell takes 2, and `info` is int32; over 120 of the largest
MAX_CLASSES = 1 << 15  # ids are int16
NEEDS = MAX_MIN_REFLECTIONS + 1
THINKS, INSIDE, CLOSING = 1, 2, 4  # the bits of a state's kind


class ArenaFullError(RuntimeError):
    """An automaton for which the device has no room."""


class Info(IntEnum):
    """The columns of `Arena.info`: where the tables of a slot begin, and their sizes."""

    TOKENS = 0
    CELLS = 1
    EVENTS = 2
    KINDS = 3
    DISTANCES = 4
    SHORTEST = 5
    NUM_STATES = 6
    NUM_CLASSES = 7
    NUM_EVENTFUL = 8
    DONE = 9
    STOP_CLASS = 10


class Pool:
    """Arrays of several slots in one tensor.

    Full, it closes its gaps or grows; nearly empty, it shrinks. It has a quarter to spare at most
    when it was last moved.
    """

    def __init__(self, dtype: npt.DTypeLike, device: torch.device) -> None:
        """Make an empty pool."""
        self._dtype = np.dtype(dtype)
        self._spans: dict[int, tuple[int, int]] = {}  # by slot, in the order of their place
        self.data = _to_device(np.zeros(1, dtype), device)

    def put(self, slot: int, values: npt.NDArray[np.generic]) -> None:
        """Add the array of a new slot."""
        start = max((start + size for start, size in self._spans.values()), default=0)
        needed = self._used + values.size
        if start + values.size > len(self.data) or 4 * needed < len(self.data):
            start = self._repack(needed)
        flat = values.astype(self._dtype, copy=False).reshape(-1)
        self.data[start : start + values.size] = _to_device(flat, self.data.device)
        self._spans[slot] = start, values.size

    def drop(self, slot: int) -> None:
        """Give up the array of a slot, if there is one."""
        self._spans.pop(slot, None)

    def start(self, slot: int) -> int:
        """Return where the array of a slot begins."""
        return self._spans[slot][0]

    @property
    def _used(self) -> int:
        return sum(size for _, size in self._spans.values())

    def _repack(self, needed: int) -> int:
        """Move all arrays without gaps to a tensor with that much room; return where they end."""
        step = 1 << max(needed.bit_length() - 3, 0)
        data = self.data.new_zeros(-(-needed // step) * step)
        end = 0
        for slot, (start, size) in self._spans.items():
            data[end : end + size] = self.data[start : start + size]
            self._spans[slot] = end, size
            end += size
        self.data = data
        return end


class Arena:
    """Tables on a device by slot; slot 0 is the automaton without a constraint, and stays.

    Tables in use find room as long as the device has any; of idle ones few are kept.

    info: (slots, len(Info)) int32; tokens: (vocab,) int16, the class of each token; cells:
    (S, C) int16, the state after a class, -1 where illegal; events: (states with any, C) int8,
    the reflections that a class opens, or minus the thinking blocks it closes; kinds: (S,) int8;
    distances: (2, NEEDS, S) int32, finish and close; shortest: (C,) int32, a token of each class;
    sentence: (vocab,) bool, of the vocabulary.
    """

    def __init__(
        self,
        automaton: Automaton,
        device: torch.device,
        max_bytes: int = MAX_BYTES,
        max_idle_bytes: int = MAX_IDLE_BYTES,
    ) -> None:
        """Upload the automaton of slot 0."""
        self.device = device
        self.vocab_size = automaton.vocab_size
        self.max_bytes = max_bytes
        self.max_idle_bytes = max_idle_bytes
        self.tokens, self.cells = Pool(np.int16, device), Pool(np.int16, device)
        self.events, self.kinds = Pool(np.int8, device), Pool(np.int8, device)
        self.distances, self.shortest = Pool(np.int32, device), Pool(np.int32, device)
        self.sentence = _to_device(automaton.ends_sentence, device)
        self._automata: dict[int, Automaton] = {}  # in the order of their last use
        self.add(automaton)

    def __len__(self) -> int:
        """Return the number of automata held."""
        return len(self._automata)

    @property
    def num_classes(self) -> int:
        """Most classes of any automaton."""
        return max(automaton.num_classes for automaton in self._automata.values())

    @property
    def size_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(map(size_bytes, self._automata.values()))

    def automaton(self, slot: int) -> Automaton:
        """Return the automaton of a slot."""
        return self._automata[slot]

    def add(self, automaton: Automaton, in_use: Collection[int] = ()) -> int:
        """Return the slot of an automaton; a new one is uploaded, and may take an idle one's room.

        in_use: the slots to keep. Raises ArenaFullError, which leaves them as they are.
        """
        for slot, held in self._automata.items():
            if held is automaton:
                self._automata[slot] = self._automata.pop(slot)
                return slot
        self._check(automaton)
        kept = {0, *in_use}
        self._make_room(size_bytes(automaton), kept)
        try:
            return self._upload(automaton)
        except torch.OutOfMemoryError:
            self._drop([slot for slot in self._automata if slot not in kept])
        try:
            return self._upload(automaton)
        except torch.OutOfMemoryError as error:
            raise ArenaFullError(
                f"the device has no memory for {size_bytes(automaton)} bytes of tables beside "
                f"{self.size_bytes} in use: leave it more, or run fewer requests at a time"
            ) from error

    def _upload(self, automaton: Automaton) -> int:
        """Return the slot of a new automaton; where memory fails, raise and be as before."""
        slot = next(slot for slot in range(len(self._automata) + 1) if slot not in self._automata)
        self._automata[slot] = automaton
        try:
            for pool, values in zip(self._pools, _tables(automaton), strict=True):
                pool.put(slot, values)
        except torch.OutOfMemoryError:
            self._drop([slot])
            raise
        finally:  # the pools may have moved what they hold
            self.info = _to_device(self._info(), self.device)
        return slot

    def _drop(self, slots: Collection[int]) -> None:
        for slot in slots:
            del self._automata[slot]
            for pool in self._pools:
                pool.drop(slot)

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return self.tokens, self.cells, self.events, self.kinds, self.distances, self.shortest

    def _check(self, automaton: Automaton) -> None:
        """Raise if an automaton could never be held."""
        if automaton.vocab_size != self.vocab_size:
            raise ValueError(
                f"expected an automaton over {self.vocab_size} token ids, "
                f"not {automaton.vocab_size}: build it with the vocabulary of the served model"
            )
        if automaton.num_classes > MAX_CLASSES:
            raise ArenaFullError(
                f"the automaton has {automaton.num_classes} classes of tokens, at most "
                f"{MAX_CLASSES} can be held: simplify the constraint"
            )

    def _make_room(self, size: int, in_use: Collection[int]) -> None:
        """Drop idle automata, the least lately used first, until one more may come."""
        idle = {slot: held for slot, held in self._automata.items() if slot not in in_use}
        while idle and (
            len(idle) > MAX_IDLE_AUTOMATA
            or sum(map(size_bytes, idle.values())) > self.max_idle_bytes
            or self.size_bytes + size > self.max_bytes
        ):
            slot = next(iter(idle))
            del idle[slot]
            self._drop([slot])
        if self._automata and self.size_bytes + size > self.max_bytes:
            raise ArenaFullError(
                f"{self.size_bytes} bytes of tables are in use, {size} more would pass the limit "
                f"of {self.max_bytes}: lower the number of concurrent constraints"
            )

    def _info(self) -> npt.NDArray[np.int32]:
        info = np.zeros((max(self._automata, default=0) + 1, len(Info)), np.int32)
        for slot, automaton in self._automata.items():
            info[slot] = (
                *(pool.start(slot) for pool in self._pools),
                automaton.num_states,
                automaton.num_classes,
                _num_eventful(automaton),
                automaton.done,
                automaton.classes[automaton.stop_token_ids[0]],
            )
        return info


def size_bytes(automaton: Automaton) -> int:
    """Return the bytes that an automaton takes on a device."""
    states, classes = automaton.num_states, automaton.num_classes
    cells = 2 * states * classes + _num_eventful(automaton) * classes
    return cells + states * (1 + 2 * NEEDS * 4) + 4 * classes + 2 * automaton.vocab_size


def _tables(automaton: Automaton) -> tuple[npt.NDArray[np.generic], ...]:
    """Return the arrays of an automaton in the order of the pools."""
    eventful = _num_eventful(automaton)
    is_closing = np.isin(automaton.phases, (Phase.CLOSING, Phase.END))
    kinds = THINKS * automaton.thinks + INSIDE * automaton.inside + CLOSING * is_closing
    return (
        automaton.classes,
        automaton.next,
        automaton.opens[:eventful] - automaton.closes[:eventful],  # no token does both
        kinds,
        np.stack([automaton.finish, automaton.close]),
        automaton.representative,
    )


def _num_eventful(automaton: Automaton) -> int:
    """Return the number of states up to the last with events: none stands in the answer."""
    return int(np.flatnonzero(automaton.inside)[-1]) + 1


def _to_device(values: npt.NDArray[np.generic], device: torch.device) -> torch.Tensor:
    """Copy an array to the device without waiting for it."""
    tensor = torch.from_numpy(np.array(values))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
