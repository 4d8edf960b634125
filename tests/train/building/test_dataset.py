import hashlib
from pathlib import Path

import numpy as np
import pytest

from files.journal import Journal
from tests.train.building.tokenizers_made import demo_tokenizer
from train.building.dataset import (
    COLUMNS,
    KINDS,
    MASKED,
    Row,
    Split,
    hash_rows,
    load_built,
    read_manifest,
    write_built,
)
from train.errors import DataError


def row(id: str, length: int = 5, copy: int = 0) -> Row:
    ids = np.arange(length, dtype=np.int32)
    labels = np.where(ids > 1, ids, MASKED).astype(np.int32)
    return Row(id, "file.jsonl", copy, ids, labels, np.minimum(ids, 5).astype(np.int8))


def write(folder: Path, rows: list[Row]) -> None:
    splits: dict[Split, list[Row]] = {"train": rows, "holdout": []}
    drops = [{"id": "c", "reason": "malformed"}]
    write_built(folder, splits, demo_tokenizer(), drops, {"num_rows": len(rows)})


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "built", [row("a"), row("b", 3, copy=1)])
    built = load_built(tmp_path / "built")
    assert built.train.column_names == list(COLUMNS)
    assert built.train[1] == {
        "id": "b",
        "source": "file.jsonl",
        "copy": 1,
        "input_ids": [0, 1, 2],
        "labels": [MASKED, MASKED, 2],
        "kinds": [0, 1, 2],
    }
    assert len(built.holdout) == 0
    assert built.manifest["num_rows"] == 2
    assert (built.tokenizer / "chat_template.jinja").is_file()
    assert [line["id"] for line in Journal(tmp_path / "built" / "drops.jsonl")] == ["c"]


def test_more_rows_than_one_batch_keep_their_order(tmp_path: Path) -> None:
    write(tmp_path / "built", [row(str(number), 3) for number in range(2500)])
    assert load_built(tmp_path / "built").train["id"][:] == [str(n) for n in range(2500)]


def test_equal_rows_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, [row("a"), row("b")])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_writing_again_leaves_only_the_new(tmp_path: Path) -> None:
    write(tmp_path / "built", [row("a"), row("b")])
    write(tmp_path / "built", [row("c")])
    assert load_built(tmp_path / "built").train["id"][:] == ["c"]
    assert [path.name for path in tmp_path.iterdir()] == ["built"]


def test_what_a_killed_build_has_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".built" / "train").mkdir(parents=True)
    (tmp_path / ".built" / "train" / "torn.arrow").write_bytes(b"x")
    write(tmp_path / "built", [row("a")])
    assert [path.name for path in tmp_path.iterdir()] == ["built"]
    assert not (tmp_path / "built" / "train" / "torn.arrow").exists()


def test_the_hash_tells_ids_labels_and_copies_apart() -> None:
    plain = row("a")
    unmasked = Row("a", "file.jsonl", 0, plain.input_ids, plain.input_ids, plain.kinds)
    hashes = {hash_rows([one]) for one in (plain, unmasked, row("a", copy=1), row("b"))}
    assert len(hashes) == 4
    assert hash_rows([row("a")]) == hash_rows([plain])


def test_a_kind_has_the_same_number_for_ever() -> None:
    assert KINDS == ("prompt", "think", "wrong", "reflection", "redo", "output")


def test_where_nothing_is_built_the_error_says_what_to_do(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    with pytest.raises(DataError, match="run `build` first"):
        load_built(tmp_path)


@pytest.mark.parametrize(("text", "said"), [("{", "not JSON"), ('{"format": 2}', "build again")])
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "built.json").write_text(text)
    with pytest.raises(DataError, match=said):
        load_built(tmp_path)
