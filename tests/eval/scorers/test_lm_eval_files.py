import subprocess
import sys
from pathlib import Path

import pytest

from eval.scorers.lm_eval_files import FILES, _read, task_config

pytest.importorskip("yaml")


def test_a_file_stands_over_those_it_includes(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("task: one\ntag: kept\n")
    (tmp_path / "two.yaml").write_text("include: one.yaml\ntask: two\n")
    (tmp_path / "three.yaml").write_text("include: [one.yaml, two.yaml]\nrepeats: 1\n")
    assert _read(tmp_path / "two.yaml") == {"task": "two", "tag": "kept"}
    assert _read(tmp_path / "three.yaml") == {"task": "two", "tag": "kept", "repeats": 1}


def test_a_function_is_left_as_its_name(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("process_docs: !function utils.process\n")
    assert _read(tmp_path / "task.yaml") == {"process_docs": "utils.process"}


@pytest.mark.parametrize("task", FILES)
def test_reading_imports_neither_lm_eval_nor_what_it_imports(task: str) -> None:
    pytest.importorskip("lm_eval")
    assert task_config(task) is not None
    program = (
        "import sys; from eval.scorers.lm_eval_files import task_config; "
        f"task_config({task!r}); "
        "print([name for name in ('lm_eval', 'numpy', 'datasets') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout == "[]\n"
