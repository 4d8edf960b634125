import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from train.errors import DataError
from train.json_lines import json_lines, opened

PACKED = gzip.compress(json.dumps(os.urandom(1000).hex()).encode())  # one line


def read(file: Path) -> list[tuple[int, Any]]:
    with opened(file, "a.setting") as lines:
        return list(json_lines(lines, file))


@pytest.mark.parametrize("name", ["data.jsonl", "data.jsonl.gz"])
def test_lines_come_with_their_numbers_and_blank_ones_not_at_all(tmp_path: Path, name: str) -> None:
    content = b'{"a": 1}\r\n\n  \n[2]\n"\xe2\x80\xa8 no end of a line"'
    file = tmp_path / name
    file.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read(file) == [(1, {"a": 1}), (4, [2]), (5, "\u2028 no end of a line")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PACKED[:500], id="torn"),
        pytest.param(PACKED[:500] + b"?" * 20 + PACKED[520:], id="damaged"),
        pytest.param(PACKED[:10] + b"\xff" * 990, id="no deflate"),
        pytest.param(b"{}\n", id="not packed"),
    ],
)
def test_a_packed_file_that_is_broken_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.gz cannot be unpacked"):
        read(tmp_path / "data.gz")


@pytest.mark.parametrize("line", ["no", "\xff", "[" * 100_000])
def test_a_line_that_is_no_json_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(json.dumps({}).encode() + b"\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(DataError, match=re.escape(f"{file}, line 2: not JSON")):
        read(file)


def test_a_file_that_is_not_there_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*none\.jsonl: a\.setting names it"):
        read(tmp_path / "none.jsonl")
