"""The tables of several automata on a device: found again, moved, dropped when idle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from decoding.adapters import arena as tables
from decoding.adapters.arena import (
    MAX_IDLE_AUTOMATA,
    NEEDS,
    Arena,
    ArenaFullError,
    Info,
    Pool,
    size_bytes,
)
from decoding.automaton import Automaton
from decoding.constrained_answer import MAX_ANSWER_STATES
from decoding.grammars import dfa
from decoding.grammars.grammar import Text
from decoding.splice import MAX_CELLS
from decoding.vocabulary import Vocabulary
from tests.decoding.adapters.constrained import automata_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def automata(automaton: Automaton, vocabulary: Vocabulary) -> list[Automaton]:
    return automata_of(automaton, vocabulary)


@pytest.fixture(scope="module")
def words(automaton: Automaton, vocabulary: Vocabulary) -> list[Automaton]:
    """More automata than may be idle at a time."""
    answers = [dfa.compile(Text(b"%d" % number)) for number in range(MAX_IDLE_AUTOMATA + 3)]
    stop = automaton.stop_token_ids
    return [Automaton.build(automaton.format, vocabulary, stop, answer=a) for a in answers]


def holds(arena: Arena, slot: int, automaton: Automaton) -> bool:
    """Whether the tables of a slot are those of the automaton."""
    info = arena.info[slot].tolist()

    def part(pool: Pool, column: Info, like: np.ndarray) -> np.ndarray:
        start = info[column]
        return pool.data[start : start + like.size].numpy().reshape(like.shape)

    eventful = info[Info.NUM_EVENTFUL]
    events = automaton.opens[:eventful] - automaton.closes[:eventful]
    finish_close = np.stack([automaton.finish, automaton.close])
    expected: list[tuple[Pool, Info, np.ndarray]] = [
        (arena.tokens, Info.TOKENS, automaton.classes),
        (arena.cells, Info.CELLS, automaton.next),
        (arena.events, Info.EVENTS, events),
        (arena.distances, Info.DISTANCES, finish_close),
        (arena.shortest, Info.SHORTEST, automaton.representative),
    ]
    sizes = info[Info.NUM_STATES], info[Info.NUM_CLASSES], info[Info.DONE]
    return (
        sizes == (automaton.num_states, automaton.num_classes, automaton.done)
        and not automaton.opens[eventful:].any()
        and not automaton.closes[eventful:].any()
        and all(np.array_equal(part(pool, at, like), like) for pool, at, like in expected)
    )


def test_every_automaton_is_found_with_its_own_tables(automata: list[Automaton]) -> None:
    arena = Arena(automata[0], CPU)
    assert [arena.add(automaton) for automaton in automata] == [0, 1, 2]
    assert [arena.add(automaton) for automaton in automata] == [0, 1, 2]
    assert all(holds(arena, slot, automaton) for slot, automaton in enumerate(automata))
    assert arena.size_bytes == sum(map(size_bytes, automata))
    assert arena.num_classes == max(automaton.num_classes for automaton in automata)


def test_the_size_is_that_of_the_arrays(automata: list[Automaton]) -> None:
    for automaton in automata:
        arena = Arena(automaton, CPU)
        pools = [arena.tokens, arena.cells, arena.events]
        pools += [arena.kinds, arena.distances, arena.shortest]
        used = sum(pool.data.element_size() * pool._spans[0][1] for pool in pools)
        assert size_bytes(automaton) == used


def test_the_least_lately_used_automaton_without_rows_is_dropped(
    automaton: Automaton, words: list[Automaton]
) -> None:
    arena = Arena(automaton, CPU)
    kept, again, *others = words
    slot = arena.add(kept)
    for other in others[: MAX_IDLE_AUTOMATA - 1]:
        arena.add(other, in_use=[slot])
    arena.add(again, in_use=[slot])
    for other in others[MAX_IDLE_AUTOMATA - 1 :]:
        arena.add(again, in_use=[slot])
        arena.add(other, in_use=[slot])
    assert len(arena) == MAX_IDLE_AUTOMATA + 3  # and the plain one, the kept one, the newest one
    assert holds(arena, 0, automaton)
    assert holds(arena, slot, kept)
    for held in (again, others[-1]):
        assert holds(arena, arena.add(held, in_use=[slot]), held)


def test_a_full_arena_drops_what_is_idle_and_refuses_what_does_not_fit(
    automata: list[Automaton],
) -> None:
    plain, first, second = automata
    room = size_bytes(plain) + max(size_bytes(first), size_bytes(second))
    arena = Arena(plain, CPU, max_bytes=room)
    slot = arena.add(first)
    with pytest.raises(ArenaFullError, match="in use"):
        arena.add(second, in_use=[slot])
    assert arena.add(second) == slot
    assert holds(arena, slot, second)
    assert holds(arena, 0, plain)


class FullPool(Pool):
    """A pool on a device whose memory lasts for some more arrays."""

    def __init__(self, pool: Pool, num_puts: int) -> None:
        self.__dict__.update(pool.__dict__)
        self.num_puts = num_puts

    def put(self, slot: int, values: np.ndarray) -> None:
        self.num_puts -= 1
        if self.num_puts < 0:
            raise torch.OutOfMemoryError
        super().put(slot, values)


def test_tables_in_use_always_find_room_and_idle_ones_go_first(
    automaton: Automaton, words: list[Automaton]
) -> None:
    arena = Arena(automaton, CPU, max_idle_bytes=1)
    *used, last = words
    slots: list[int] = []
    for word in used:
        slots.append(arena.add(word, in_use=slots))
    assert slots == list(range(1, len(words)))
    assert all(holds(arena, slot, word) for slot, word in zip(slots, used, strict=True))
    slot = arena.add(last, in_use=slots[:1])
    assert len(arena) == 3
    assert all(holds(arena, at, word) for at, word in ((slots[0], used[0]), (slot, last)))


def test_idle_tables_beyond_their_bytes_are_dropped(
    automaton: Automaton, words: list[Automaton]
) -> None:
    first, second, third, fourth = words[:4]
    arena = Arena(automaton, CPU, max_idle_bytes=size_bytes(first) + size_bytes(second))
    for word in (first, second, third):
        arena.add(word)
    assert len(arena) == 4  # the newest one was in no row's way
    slot = arena.add(fourth)
    assert slot == 1
    assert len(arena) == 4
    assert all(holds(arena, at, word) for at, word in ((1, fourth), (2, second), (3, third)))


def test_a_device_out_of_memory_drops_what_is_idle_and_then_refuses(
    automata: list[Automaton], words: list[Automaton]
) -> None:
    plain, first, second = automata
    arena = Arena(plain, CPU)
    gone, kept = arena.add(words[0]), arena.add(first)
    arena.kinds = FullPool(arena.kinds, 0)
    with pytest.raises(ArenaFullError, match="no memory for"):
        arena.add(second, in_use=[kept])
    assert len(arena) == 2
    for again in range(2):  # the gap that the idle one left is closed meanwhile
        assert holds(arena, 0, plain), again
        assert holds(arena, kept, first), again
        with pytest.raises(ArenaFullError):
            arena.add(second, in_use=[kept])
    arena.kinds = FullPool(arena.kinds, 1)
    assert arena.add(second, in_use=[kept]) == gone
    assert all(holds(arena, at, held) for at, held in ((0, plain), (gone, second), (kept, first)))


def test_memory_that_only_idle_tables_take_is_found(
    automata: list[Automaton], words: list[Automaton]
) -> None:
    plain, first, second = automata
    arena = Arena(plain, CPU)
    idle, kept = arena.add(words[0]), arena.add(first)

    class Tight(FullPool):
        def put(self, slot: int, values: np.ndarray) -> None:
            self.num_puts = int(idle not in self._spans)
            super().put(slot, values)

    arena.kinds = Tight(arena.kinds, 0)
    assert arena.add(second, in_use=[kept]) == idle
    assert all(holds(arena, at, held) for at, held in ((0, plain), (idle, second), (kept, first)))


def test_a_pool_grows_by_what_it_needs_and_shrinks_again() -> None:
    pool = Pool(np.int16, CPU)
    for slot in range(100):
        pool.put(slot, np.full(1000, slot))
        assert len(pool.data) <= 1.25 * 1000 * (slot + 1) + 1000
    for slot in range(1, 100):
        pool.drop(slot)
    pool.put(1, np.full(1000, 1))
    assert len(pool.data) <= 2500
    for slot in (0, 1):
        start = pool.start(slot)
        assert (pool.data[start : start + 1000] == slot).all()


def test_the_largest_tables_can_be_addressed() -> None:
    cells, cell_bytes = 1 << 31, 2
    assert cells * cell_bytes >= tables.MAX_BYTES  # a table begins where int32 can tell
    largest = 3 * MAX_CELLS + 4 * NEEDS * 2 * MAX_ANSWER_STATES + 2 * 2**17
    assert tables.MAX_BYTES // largest >= 120


def test_slot_0_stays(automata: list[Automaton]) -> None:
    arena = Arena(automata[0], CPU, max_bytes=1)
    with pytest.raises(ArenaFullError):
        arena.add(automata[1])
    assert holds(arena, 0, automata[0])


def test_another_vocabulary_is_refused(automaton: Automaton) -> None:
    short = Vocabulary([bytes([byte]) for byte in range(256)] + [None])
    other = Automaton.build(automaton.format, short, [256])
    with pytest.raises(ValueError, match="257"):
        Arena(automaton, CPU).add(other)


def test_the_columns_of_the_info_begin_with_the_pools() -> None:
    starts = [Info.TOKENS, Info.CELLS, Info.EVENTS, Info.KINDS, Info.DISTANCES, Info.SHORTEST]
    assert list(Info)[:6] == starts
    assert np.iinfo(np.int16).max + 1 == tables.MAX_CLASSES
