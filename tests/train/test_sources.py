import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from train.errors import DataError
from train.sample import Sample
from train.settings import Source
from train.sources import read_rows

ALPACA = {"instruction": "Add.", "input": "2 and 3", "output": "5"}
READ = Sample("Add.", "5", "2 and 3", "data.json")


def read(file: Path, content: str | bytes, kind: Any = "alpaca") -> list[Sample | str]:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_rows(Source(kind, file)))


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([ALPACA]),
        json.dumps(ALPACA) + "\n",
        "\n " + json.dumps([ALPACA], indent=2),
        json.dumps(ALPACA) + "\n\n",
        "\ufeff" + json.dumps([ALPACA]),
        "\ufeff" + json.dumps(ALPACA),
    ],
)
def test_an_array_and_lines_are_read_alike(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "data.json", content) == [READ]


def test_a_gz_file_is_unpacked(tmp_path: Path) -> None:
    found = read(tmp_path / "data.gz", gzip.compress(json.dumps(ALPACA).encode()))
    assert found == [Sample("Add.", "5", "2 and 3", "data.gz")]


@pytest.mark.parametrize(
    ("kind", "row", "sample"),
    [
        ("alpaca", {"instruction": "Hi", "output": "Ho"}, ("Hi", "", "Ho")),
        ("alpaca", {"instruction": "Hi", "input": None, "output": "Ho"}, ("Hi", "", "Ho")),
        ("wizardlm", {"instruction": "Hi", "output": "Ho"}, ("Hi", "", "Ho")),
        ("jsonl", {"instruction": "Hi", "input": "x", "response": "Ho"}, ("Hi", "x", "Ho")),
        (
            "messages",
            {
                "messages": [
                    {"role": "system", "content": "Be short."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Ho"},
                ]
            },
            ("Be short.\n\nHi", "", "Ho"),
        ),
    ],
)
def test_each_kind_is_read(
    tmp_path: Path, kind: str, row: dict[str, Any], sample: tuple[str, str, str]
) -> None:
    (found,) = read(tmp_path / "data.json", json.dumps(row), kind)
    assert isinstance(found, Sample)
    assert (found.instruction, found.input, found.response) == sample


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("alpaca", ALPACA | {"output": " \n"}, "empty response"),
        ("alpaca", ALPACA | {"instruction": ""}, "empty instruction"),
        ("alpaca", ALPACA | {"output": "\ud83d"}, "half a surrogate pair"),
        ("messages", {"messages": []}, "not one turn of user and assistant"),
        (
            "messages",
            {"messages": [{"role": role, "content": "x"} for role in ("user", "assistant") * 2]},
            "not one turn of user and assistant",
        ),
    ],
)
def test_a_row_that_is_no_sample_gives_its_reason(
    tmp_path: Path, kind: str, row: dict[str, Any], reason: str
) -> None:
    assert read(tmp_path / "data.json", json.dumps(row), kind) == [reason]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"instruction": "x"}', r"row 1: no alpaca sample \('output' is missing\)"),
        ('{"instruction": 1, "output": "x"}', "instruction is int, a text was expected"),
        ("[1]", "a JSON object was expected, not int"),
        ("{", "line 1: not JSON"),
        ("[{}", "no JSON array, as which it begins"),
    ],
)
def test_a_file_of_another_form_is_told_with_its_place(
    tmp_path: Path, content: str, said: str
) -> None:
    with pytest.raises(DataError, match=rf"data\.json.*{said}"):
        read(tmp_path / "data.json", content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        list(read_rows(Source("alpaca", tmp_path / "none.json")))
