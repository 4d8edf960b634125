import resource
from pathlib import Path

import pytest

from files.whole import open_whole, write_whole


@pytest.mark.parametrize("is_synced", [False, True])
def test_the_new_file_takes_the_place_of_the_former(tmp_path: Path, is_synced: bool) -> None:
    path = tmp_path / "new" / "file.json"
    write_whole(path, "1", is_synced=is_synced)
    write_whole(path, "é".encode(), is_synced=is_synced)
    assert path.read_text(encoding="utf-8") == "é"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_former_file_alone_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_whole(path, "1")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
    try:
        with pytest.raises(OSError, match=r"too large: .*file\.json"):
            write_whole(path, "2" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert path.read_text() == "1"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_raises_leaves_the_former_file_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "file.json", tmp_path / "other"
    write_whole(path, "1")
    with pytest.raises(FileNotFoundError, match="other"):
        copy(other, path)
    assert path.read_text() == "1"
    assert list(tmp_path.iterdir()) == [path]


def copy(source: Path, path: Path) -> None:
    with open_whole(path) as opened:
        opened.write(b"2")
        opened.write(source.read_bytes())
