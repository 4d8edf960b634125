import json
import multiprocessing
import os
import resource
from pathlib import Path

import pytest

from files.errors import JournalError, LockError
from files.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "lines.jsonl"


def write(path: Path, *values: dict) -> None:
    with Journal(path) as journal:
        for value in values:
            journal.append(value)


def test_lines_come_back_in_the_order_of_writing(path: Path) -> None:
    write(path, {"n": 1}, {"n": 2})
    write(path, {"n": 3})
    assert list(Journal(path)) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_line_comes_back_from_its_place(path: Path) -> None:
    write(path, {"n": "é"})
    with Journal(path) as journal:
        place = journal.append({"n": 2})
        assert journal.append({"n": 3}) > place
        assert journal.at(place) == {"n": 2}
    assert [journal.at(place) for place, _ in journal.places()] == list(journal)


def test_a_file_that_is_not_there_has_no_lines(path: Path) -> None:
    assert list(Journal(path)) == []


def test_a_file_cut_at_any_byte_loses_the_torn_line_alone(path: Path) -> None:
    write(path, {"n": 1}, {"text": "é\u2028 and more"}, {"n": 3})
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        num_whole = content[:size].count(b"\n")
        assert len(list(Journal(path))) == num_whole
        write(path, {"n": "new"})
        assert path.read_bytes().count(b"\n") == num_whole + 1
        assert list(Journal(path))[-1] == {"n": "new"}


def test_a_torn_line_longer_than_one_read_is_cut_off(path: Path) -> None:
    write(path, {"n": 1})
    with path.open("ab") as file:
        file.write(b'{"text":"' + b"x" * 200_000)
    write(path, {"n": 2})
    assert list(Journal(path)) == [{"n": 1}, {"n": 2}]


def test_a_huge_line_comes_back_whole(path: Path) -> None:
    write(path, {"text": "é" * 3_000_000})
    assert [len(line["text"]) for line in Journal(path)] == [3_000_000]


def test_a_line_that_a_full_disk_cuts_is_taken_back(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(path) as journal:
        journal.append({"n": 1})
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                journal.append({"n": 2, "text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_text() == '{"n":1}\n'
        journal.append({"n": 3})
    assert list(Journal(path)) == [{"n": 1}, {"n": 3}]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes at which files were made to outlive a crash of the machine."""
    sizes: list[int] = []

    def note(file: int) -> None:
        sizes.append(os.fstat(file).st_size)

    monkeypatch.setattr(os, "fdatasync", note)
    return sizes


@pytest.mark.parametrize(("sync_s", "num_lines"), [(0.0, [1, 2, 3, 3]), (3600.0, [1, 3])])
def test_what_is_appended_is_synced_no_more_often_than_wanted_and_at_the_end(
    path: Path, synced: list[int], sync_s: float, num_lines: list[int]
) -> None:
    with Journal(path, sync_s) as journal:
        for number in range(3):
            journal.append({"n": number})
    assert synced == [number * len(b'{"n":0}\n') for number in num_lines]


def test_lines_that_can_be_had_again_are_not_synced(path: Path, synced: list[int]) -> None:
    write(path, {"n": 1}, {"n": 2})
    assert synced == []


@pytest.mark.parametrize("line", ["{", "[1]", "3", "[" * 100_000])
def test_a_whole_line_that_is_no_object_is_named(path: Path, line: str) -> None:
    write(path, {"n": 1})
    with path.open("a") as file:
        file.write(line + "\n" + json.dumps({"n": 2}) + "\n")
    with pytest.raises(JournalError, match="line 2"):
        list(Journal(path))


def hold(path: Path, held: "multiprocessing.synchronize.Event") -> None:
    with Journal(path):
        held.set()
        multiprocessing.Event().wait()


def test_another_process_that_writes_it_keeps_it_until_it_is_killed(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    other = context.Process(target=hold, args=(path, held))
    other.start()
    assert held.wait(30)
    with pytest.raises(LockError, match="written by another process"):
        write(path, {"n": 1})
    other.kill()
    other.join()
    other.close()
    write(path, {"n": 1})
    assert list(Journal(path)) == [{"n": 1}]


def test_a_forked_child_does_not_keep_the_lock(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with Journal(path):
        child = context.Process(target=multiprocessing.Event().wait)
        child.start()
    write(path, {"n": 1})
    child.kill()
    child.join()
    assert list(Journal(path)) == [{"n": 1}]
