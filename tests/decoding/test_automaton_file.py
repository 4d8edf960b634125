"""An automaton read back from its file is the one that was written, or none at all."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from decoding import automaton_file
from decoding.answer import AnswerConstraint
from decoding.automaton import Automaton
from decoding.automaton_file import AutomatonFileError
from decoding.format import ReplyFormat
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP


def assert_same(one: Automaton, other: Automaton) -> None:
    for part in fields(Automaton):
        first, second = getattr(one, part.name), getattr(other, part.name)
        assert type(first) is type(second)
        if isinstance(first, np.ndarray):
            assert first.dtype == second.dtype
            assert np.array_equal(first, second)
        else:
            assert first == second


def test_every_table_comes_back_as_it_was(automaton: Automaton, tmp_path: Path) -> None:
    automaton_file.save(automaton, tmp_path / "one", "key")
    assert_same(automaton, automaton_file.load(tmp_path / "one", "key"))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_constrained_automaton_of_another_format_comes_back(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    format = ReplyFormat("t", "r", "o", max_blank=2, is_thinking_optional=True)
    answer = AnswerConstraint.regex("a+").compile()
    automaton = Automaton.build(format, vocabulary, [STOP], "<t>", answer)
    automaton_file.save(automaton, tmp_path / "one", "key")
    assert_same(automaton, automaton_file.load(tmp_path / "one", "key"))


def test_a_file_written_again_replaces_the_former(automaton: Automaton, tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"something else")
    automaton_file.save(automaton, path, "key")
    assert_same(automaton, automaton_file.load(path, "key"))


def test_a_file_changed_anywhere_is_refused(automaton: Automaton, tmp_path: Path) -> None:
    path = tmp_path / "one"
    automaton_file.save(automaton, path, "key")
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 97)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(AutomatonFileError):
            automaton_file.load(path, "key")


@pytest.mark.parametrize("end", [0, 1, 30, 60, -1])
def test_a_file_cut_short_is_refused(end: int, automaton: Automaton, tmp_path: Path) -> None:
    path = tmp_path / "one"
    automaton_file.save(automaton, path, "key")
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(AutomatonFileError):
        automaton_file.load(path, "key")


def test_a_file_of_another_automaton_is_refused(automaton: Automaton, tmp_path: Path) -> None:
    automaton_file.save(automaton, tmp_path / "one", "key")
    with pytest.raises(AutomatonFileError, match="key differs"):
        automaton_file.load(tmp_path / "one", "another key")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with path.open("wb") as file:
        file.truncate(automaton_file.MAX_BYTES + 1)
    with pytest.raises(AutomatonFileError, match="bytes"):
        automaton_file.load(path, "key")


def test_a_folder_that_is_missing_leaves_nothing_behind(
    automaton: Automaton, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="missing"):
        automaton_file.save(automaton, tmp_path / "missing" / "one", "key")
    assert list(tmp_path.iterdir()) == []
