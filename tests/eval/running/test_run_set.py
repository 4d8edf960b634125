from pathlib import Path

import pytest

from eval.errors import RunError
from eval.running.run_set import RunSet, folder_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("meta-llama/Llama-3.1-8B", "meta-llama--Llama-3.1-8B"),
        ("../../etc/passwd", "etc--passwd"),
        ("..", ""),
        ("a\nb\0c", "a--b--c"),
        ("m" * 5000, "m" * 120),
    ],
)
def test_a_model_s_name_leads_out_of_no_folder(text: str, name: str) -> None:
    assert folder_name(text) == name


def test_a_model_of_dots_has_a_folder_and_its_double_another(tmp_path: Path) -> None:
    run_set = RunSet(tmp_path)
    paths = [run_set.folder("sums", name).path.relative_to(tmp_path) for name in ("..", "...")]
    assert list(map(str, paths)) == ["sums/model", "sums/model-2"]


def test_a_run_that_is_there_is_only_resumed(tmp_path: Path) -> None:
    (tmp_path / "sums" / "demo").mkdir(parents=True)
    (tmp_path / "sums" / "demo" / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run: go on with --resume"):
        RunSet(tmp_path).folder("sums", "demo")
    assert RunSet(tmp_path, is_resumed=True).folder("sums", "demo").path.name == "demo"
