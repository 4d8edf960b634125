from argparse import ArgumentParser
from pathlib import Path

import pytest

from eval import list_command
from eval.errors import EvalError
from eval.tasks.catalogue import CATALOGUE


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    parser = ArgumentParser()
    list_command.add_arguments(parser)
    assert list_command.run(parser.parse_args(arguments)) == 0
    return {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}


def test_every_task_is_listed_with_where_its_data_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listed(capsys)
    assert list(lines) == list(CATALOGUE)
    assert "gsm8k/test.jsonl or gsm8k/test.jsonl.gz, by name: openai/gsm8k" in lines["gsm8k"]
    assert "generated: " in lines["countdown"]
    assert "5-shot" in lines["mmlu_5shot"]
    assert "judged" in lines["mt_bench"]


def test_data_that_are_there_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text("{}\n")
    lines = listed(capsys, "--data", str(tmp_path))
    assert lines["gsm8k"].endswith("gsm8k/test.jsonl, found")
    assert f"NOT in {tmp_path}" in lines["mmlu"]


def test_a_file_is_no_folder_of_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text("{}\n")
    with pytest.raises(EvalError, match="a folder of data sets was expected"):
        listed(capsys, "--data", str(file))


def test_all_of_the_real_data_are_found(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = listed(capsys, "--data", str(data))
    assert [line for line in lines.values() if "NOT in" in line] == []
