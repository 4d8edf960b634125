import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.dataset import Beside, Hub, Row, Source, load
from eval.errors import DataError

ROWS: list[Row] = [
    {"id": "a", "question": "Was ist größer?", "final": "1"},
    {"id": "b", "question": "2\u2028?", "final": "2"},
]
SOURCE = Source("sums", ("test.jsonl", "test.jsonl.gz"), ("id", "question", "final"))


def lines(rows: list[Row], **options: Any) -> bytes:
    return "".join(json.dumps(row, **options) + "\n" for row in rows).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "test.jsonl").write_bytes(lines(ROWS, ensure_ascii=False))
    return tmp_path


def test_rows_are_found_by_file_folder_and_folder_above(folder: Path) -> None:
    for data in (folder, folder / "sums", folder / "sums" / "test.jsonl"):
        assert list(load(SOURCE, data).rows) == ROWS


def test_the_task_s_own_folder_comes_before_a_file_of_that_name_above(folder: Path) -> None:
    (folder / "test.jsonl").write_bytes(lines(ROWS[:1]))
    assert list(load(SOURCE, folder).rows) == ROWS


def test_the_hash_is_of_the_rows_and_not_of_how_they_are_written(folder: Path) -> None:
    plain = load(SOURCE, folder)
    content = gzip.compress(lines([dict(reversed(row.items())) for row in ROWS]))
    (folder / "sums" / "test.jsonl").unlink()
    (folder / "sums" / "test.jsonl.gz").write_bytes(content)
    packed = load(SOURCE, folder)
    assert packed.sha256 == plain.sha256
    assert packed.file_sha256 == hashlib.sha256(content).hexdigest() != plain.file_sha256
    assert (plain.origin, packed.origin) == ("test.jsonl", "test.jsonl.gz")


def test_another_row_or_order_is_another_hash(folder: Path) -> None:
    first = load(SOURCE, folder).sha256
    for rows in (ROWS[::-1], [*ROWS, ROWS[0]], [ROWS[0] | {"final": "3"}, ROWS[1]]):
        (folder / "sums" / "test.jsonl").write_bytes(lines(rows))
        assert load(SOURCE, folder).sha256 != first


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no rows"),
        (b"\n\n", "has no rows"),
        (b'{"id": "a"}\n', "row 1: no question, final"),
        (lines(ROWS) + b'{"id"', "line 3: not JSON"),
        (b"[1]\n", "line 1: a JSON object was expected"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_in_another_form_is_refused(folder: Path, content: bytes, complaint: str) -> None:
    (folder / "sums" / "test.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        load(SOURCE, folder)


@pytest.mark.parametrize("damage", [slice(0, 0), slice(-9, None)])
def test_a_damaged_archive_is_refused(folder: Path, damage: slice) -> None:
    file = folder / "test.jsonl.gz"
    packed = bytearray(gzip.compress(lines(ROWS)))
    packed[damage], packed[12] = b"", packed[12] ^ 0xFF
    file.write_bytes(packed)
    with pytest.raises(DataError, match="cannot be read"):
        load(SOURCE, file)


def test_a_missing_file_is_named_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sums/test\.jsonl.*columns id, question, final.*none in"):
        load(SOURCE, tmp_path)


def test_without_data_and_public_name_the_file_is_asked_for() -> None:
    with pytest.raises(DataError, match=r"sums/test\.jsonl.*no public name.*--data"):
        load(SOURCE, None)


def hub_source(path: Path, columns: tuple[str, ...] = ("id", "final")) -> Source:
    def convert(row: Row, number: int) -> Row:
        return {"id": f"sums-{number}", "final": row["answer"]}

    return Source("sums", ("test.jsonl",), columns, Hub(str(path), "test", convert))


def test_rows_come_by_public_name_in_our_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "test.jsonl").write_bytes(lines([{"answer": "1"}, {"answer": "2"}]))
    dataset = load(hub_source(repository), None)
    assert dataset.rows == ({"id": "sums-0", "final": "1"}, {"id": "sums-1", "final": "2"})
    assert dataset.file_sha256 is None
    with pytest.raises(DataError, match="row 1: no question"):
        load(hub_source(repository, ("id", "question")), None)


def test_a_name_that_cannot_be_loaded_names_file_and_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be loaded.*sums/test\.jsonl.*id, final"):
        load(hub_source(tmp_path / "nowhere"), None)


def test_a_file_beside_joins_by_its_key_and_is_part_of_the_hash(folder: Path) -> None:
    source = replace(SOURCE, beside=Beside("proofs.jsonl", "id", "proof"))
    with pytest.raises(DataError, match=r"proofs\.jsonl is missing"):
        load(source, folder)
    hashes = set()
    for proof in ("so", "thus"):
        (folder / "sums" / "proofs.jsonl").write_bytes(lines([{"id": "b", "text": proof}]))
        loaded = load(source, folder)
        assert [row["proof"] for row in loaded.rows] == [None, {"id": "b", "text": proof}]
        hashes.add(loaded.sha256)
    assert len(hashes) == 2
