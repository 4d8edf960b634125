"""The tables of several automata on a device: found again, moved, dropped when idle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from decoding.adapters import arena as tables
from decoding.adapters.arena import MAX_IDLE_AUTOMATA, Arena, ArenaFullError, Info, Pool, size_bytes
from decoding.automaton import Automaton
from decoding.grammars import dfa
from decoding.grammars.grammar import Text
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
