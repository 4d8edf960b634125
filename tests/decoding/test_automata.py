"""Each automaton of a model is made once, whoever asks for it, and found again after a restart."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from decoding.answer import AnswerConstraint
from decoding.automata import MAX_REASON, MAX_STATES, Automata
from decoding.budget import Budget
from decoding.constrained_answer import constrained_answer
from decoding.format import ReplyFormat
from decoding.grammars.dfa import Dfa
from decoding.grammars.grammar import GrammarError, TooLargeError
from decoding.matcher import Matcher
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP

WAIT_S = 30.0


@dataclass
class Counted:
    """A constraint that counts its compilations, and compiles when it is let to."""

    pattern: str
    num_compiled: int = 0
    is_open: threading.Event = field(default_factory=threading.Event)
    is_begun: threading.Event = field(default_factory=threading.Event)

    @property
    def digest(self) -> str:
        return AnswerConstraint.regex(self.pattern).digest

    def compile(self, max_states: int) -> Dfa:
        assert max_states > 1000
        self.num_compiled += 1
        self.is_begun.set()
        assert self.is_open.wait(WAIT_S)
        return AnswerConstraint.regex(self.pattern).compile()


def counted(pattern: str, *, is_open: bool = True) -> Any:
    constraint = Counted(pattern)
    if is_open:
        constraint.is_open.set()
    return cast("Any", constraint)


def make(vocabulary: Vocabulary, **options: Any) -> Automata:
    return Automata(ReplyFormat(), vocabulary, [STOP], **options)


@pytest.fixture
def automata(vocabulary: Vocabulary) -> Automata:
    return make(vocabulary)


def writes(automata: Automata, constraint: Any, answer: str) -> bool:
    """Tell whether a reply with this answer is legal, byte by byte."""
    matcher = Matcher(automata.find(constraint), Budget(400, 100))
    reply = f"<thinking></thinking><output>{answer}</output>"
    return all(matcher.accept(byte) for byte in reply.encode()) and matcher.accept(STOP)


def test_without_a_constraint_it_is_the_free_one(automata: Automata) -> None:
    assert automata.find() is automata.plain
    assert automata.find_masks() is automata.plain_masks
    assert writes(automata, None, "anything at all")


def test_each_constraint_has_an_automaton_of_its_own(automata: Automata) -> None:
    digits, word = AnswerConstraint.regex("[0-9]+"), AnswerConstraint.choice(["yes", "no"])
    assert writes(automata, digits, "42")
    assert not writes(automata, digits, "yes")
    assert writes(automata, word, "yes")
    assert not writes(automata, word, "42")


def test_an_automaton_is_made_once(automata: Automata) -> None:
    constraint = counted("a+")
    assert automata.find(constraint) is automata.find(counted("a+"))
    assert automata.find_masks(constraint).automaton is automata.find(constraint)
    assert constraint.num_compiled == 1


def test_those_who_ask_meanwhile_wait_for_the_same_one(automata: Automata) -> None:
    constraint = counted("a+", is_open=False)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(automata.find, constraint) for _ in range(4)]
        assert constraint.is_begun.wait(WAIT_S)
        constraint.is_open.set()
        assert len({id(future.result(WAIT_S)) for future in found}) == 1
    assert constraint.num_compiled == 1


def test_one_that_is_being_made_holds_up_no_other(automata: Automata) -> None:
    slow = counted("a+", is_open=False)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(automata.find, slow)
        assert slow.is_begun.wait(WAIT_S)
        assert automata.find(counted("b+")).is_constrained
        slow.is_open.set()
        waiting.result(WAIT_S)


def test_a_constraint_that_cannot_be_is_tried_once_and_refused_each_time(
    automata: Automata,
) -> None:
    constraint = counted("(a")
    for _ in range(2):
        with pytest.raises(GrammarError, match="position"):
            automata.find(constraint)
    assert constraint.num_compiled == 1
    assert writes(automata, counted("a+"), "aa")


def test_what_is_known_not_to_be_is_refused_at_once(automata: Automata) -> None:
    assert automata.known_masks(counted("(a")) is None
    for refuse in (automata.find_masks, automata.known_masks):
        with pytest.raises(GrammarError, match="position"):
            refuse(counted("(a"))


@dataclass
class Verbose:
    """A constraint that is refused with a long sentence."""

    digest: str = "verbose"

    def compile(self, max_states: int) -> Dfa:
        raise GrammarError("x" * 100_000)


def test_what_is_said_of_a_constraint_is_short(automata: Automata) -> None:
    for _ in range(2):
        with pytest.raises(GrammarError) as caught:
            automata.find(cast("Any", Verbose()))
        assert len(str(caught.value)) == MAX_REASON


def test_a_vocabulary_that_cannot_spell_the_answer_is_a_constraint_s_fault() -> None:
    texts = [b"<thinking>", b"</thinking>", b"<reflection>", b"</reflection>", b"<output>"]
    automata = Automata(ReplyFormat(), Vocabulary([*texts, b"</output>", b"x", None]), [7])
    with pytest.raises(GrammarError, match="vocabulary"):
        automata.find(AnswerConstraint.regex("y"))


def test_those_used_longest_ago_are_forgotten(vocabulary: Vocabulary) -> None:
    automata = make(vocabulary, max_automata=2)
    first, second, third = (counted(pattern) for pattern in ("a", "b", "c"))
    for constraint in (first, second, first, third, first, second):
        automata.find(constraint)
    assert [c.num_compiled for c in (first, second, third)] == [1, 2, 1]


def test_what_is_known_is_found_at_once_and_counts_as_used(vocabulary: Vocabulary) -> None:
    automata = make(vocabulary, max_automata=2)
    first, second, third = (counted(pattern) for pattern in ("a", "b", "c"))
    assert automata.known_masks(first) is None
    masks = automata.find_masks(first)
    automata.find(second)
    assert automata.known_masks(first) is masks
    automata.find(third)
    assert automata.known_masks(first) is masks
    assert automata.known_masks(second) is None


def test_their_bytes_are_bounded_but_the_last_one_stays(vocabulary: Vocabulary) -> None:
    automata = make(vocabulary, max_bytes=1)
    first, second = counted("a"), counted("b")
    for constraint in (first, first, second, first):
        automata.find(constraint)
    assert [first.num_compiled, second.num_compiled] == [2, 1]


def test_another_process_finds_them_on_disk(vocabulary: Vocabulary, tmp_path: Path) -> None:
    make(vocabulary, folder=tmp_path).find(counted("a+"))
    again, later = counted("a+"), make(vocabulary, folder=tmp_path)
    assert writes(later, again, "aa")
    assert again.num_compiled == 0
    assert later._head is None
    assert writes(later, counted("b+"), "bb")
    assert later._head is not None


def test_what_is_used_from_memory_stays_on_disk_for_another_process(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    automata = make(vocabulary, folder=tmp_path)
    automata.find(counted("a+"))
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    automata.known_masks(counted("a+"))
    assert sorted(path.stat().st_mtime > 1 for path in tmp_path.iterdir()) == [False, True]


def test_what_a_model_of_another_kind_left_is_not_used(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    make(vocabulary, folder=tmp_path)
    others = [
        Automata(ReplyFormat(max_blank=1), vocabulary, [STOP], folder=tmp_path),
        Automata(ReplyFormat(), vocabulary, [STOP, STOP + 1], folder=tmp_path),
        Automata(ReplyFormat(), vocabulary, [STOP], "<thinking>\n", folder=tmp_path),
        Automata(
            ReplyFormat(), Vocabulary([*vocabulary.token_bytes, b"more"]), [STOP], folder=tmp_path
        ),
    ]
    assert all(other._head is not None for other in others)
    assert len(list(tmp_path.iterdir())) == 1 + len(others)


def test_a_damaged_file_is_made_anew(
    vocabulary: Vocabulary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(vocabulary, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert make(vocabulary, folder=tmp_path).find().num_states > 0
    assert "damaged" in caplog.text
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_to_only_costs_time(
    vocabulary: Vocabulary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    automata = make(vocabulary, folder=tmp_path / "file")
    automata.find(counted("a+"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


class Shrinking:
    """A constraint of as many states as it may have."""

    digest = "shrinking"

    def compile(self, max_states: int) -> Dfa:
        count = 40_000 if max_states > MAX_STATES[-1] else 30
        table = np.full((count + 1, 256), count, np.int32)
        table[np.arange(count - 1), ord("a")] = np.arange(1, count)
        accepting = np.zeros(count + 1, bool)
        accepting[count - 1] = True
        return Dfa(table, accepting)


def test_what_has_no_room_is_compiled_again_to_fewer_states(automata: Automata) -> None:
    shrinking: Any = Shrinking()
    with pytest.raises(TooLargeError, match="lower a maxLength"):
        constrained_answer(ReplyFormat(), shrinking.compile(MAX_STATES[0]))
    assert writes(automata, shrinking, "a" * 29)
