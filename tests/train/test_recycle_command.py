import json
import os
import shutil
from pathlib import Path

import pytest

from train.command import REFUSED, main
from train.recycle_command import told_cost

DEMO = Path(__file__).parents[2] / "models" / "demo"
RUN = """
[run]
name = "test"
dir = "{folder}/run"
[data]
sources = [{{ kind = "alpaca", path = "{folder}/alpaca.json" }}]
[teacher]
base_url = "{url}"
price_read = 1.0
price_written = 2.0
timeout_s = 60.0
[recycle]
method = "all"
"""


def write(folder: Path, url: str, num: int = 30) -> list[str]:
    rows = [{"instruction": f"topic {n}", "input": "", "output": f"It is {n}."} for n in range(num)]
    rows += [rows[0], {"instruction": "empty", "input": "", "output": ""}]
    (folder / "alpaca.json").write_text(json.dumps(rows))
    (folder / "run.toml").write_text(RUN.format(folder=folder, url=url))
    return ["recycle", "-c", str(folder / "run.toml")]


def test_it_says_what_was_read_what_came_of_it_and_what_it_cost(
    tmp_path: Path, faulty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(write(tmp_path, faulty_url)) == 0
    printed, shown = capsys.readouterr()
    assert "alpaca.json: 30 samples (1 duplicates, 1 unusable: empty response)" in printed
    summary = json.loads((tmp_path / "run" / "recycled.json").read_text())
    assert f"{summary['num_kept']} of 30 kept: {tmp_path}/run/recycled.jsonl" in printed
    for count in (summary["statuses"]["ok"], summary["stages"]["response"]["accepted"]):
        assert str(count) in printed
    cost = summary["teacher"]["num_replies"] * (400 * 1 + 200 * 2) / 1e6
    assert f"cost {cost:.4g}" in printed
    assert "in the end about" in shown


def test_again_it_prints_the_same_and_asks_nothing(
    tmp_path: Path, faulty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = write(tmp_path, faulty_url)
    main(command)
    first = capsys.readouterr().out
    main(command)
    assert capsys.readouterr().out == first


def test_what_no_money_was_left_for_is_told_apart_from_what_got_no_reply(
    tmp_path: Path, faulty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*write(tmp_path, faulty_url), "teacher.max_attempts=1"]
    rows = [{"instruction": f"fate={fate} x", "output": "."} for fate in ("dead", "well")]
    (tmp_path / "alpaca.json").write_text(json.dumps(rows))
    main(command)
    assert "\n1 got no reply; the same command asks again\n" in capsys.readouterr().out
    main([*command, "teacher.max_cost=1e-9"])
    printed = capsys.readouterr().out
    assert "got no reply" not in printed
    assert "1 were not asked for, max_cost is spent: raise teacher.max_cost\n" in printed


def test_replies_of_unknown_cost_are_counted() -> None:
    spent = {"num_replies": 9, "num_untold": 2, "read": 70, "written": 7, "cost": 0.5}
    assert told_cost(spent).endswith("cost 0.5, 2 did not tell their tokens")
    assert told_cost(spent | {"num_untold": 0}).endswith("cost 0.5")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["recycle.method=selective"], "the student chooses, so name it: score.model=FOLDER"),
        (["recycle.top_percent=5"], "recycle.top_percent wants IFD"),
        (["data.sources=[]"], "[data] wants sources"),
        (["teacher.max_cost=1", "teacher.price_read=0", "teacher.price_written=0"], "wants prices"),
        (["teacher.fields.model=x"], "model has a setting of its own"),
        (
            ["teacher.fields.max_tokens=9"],
            "teacher.fields.max_tokens = 9: max_tokens has a setting",
        ),
        (["recycle.method=selective", "score.model=/nowhere"], "score.model = /nowhere: "),
        (["teacher.model=''", "teacher.base_url=http://127.0.0.1:9/v1"], "nothing answers at"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    tmp_path: Path,
    faulty_url: str,
    capsys: pytest.CaptureFixture[str],
    changes: list[str],
    said: str,
) -> None:
    assert main([*write(tmp_path, faulty_url), *changes]) == REFUSED
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "teacher").exists()  # nothing was asked


def test_a_real_student_chooses_and_its_scores_are_kept(
    tmp_path: Path, faulty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    command = [*write(tmp_path, faulty_url, 4), "recycle.method=selective"]
    command += [f"score.model={DEMO}", "score.max_length=512", "score.device=cpu"]
    assert main(command) == 0
    result = tmp_path / "run" / "recycled.jsonl"
    before = result.read_bytes()
    rows = [json.loads(line) for line in before.splitlines()]
    assert any("ifd" in scores for row in rows for scores in row["scores"].values())
    (scores,) = (tmp_path / "run" / "scores").glob("*.jsonl")
    num_scores = len(scores.read_bytes().splitlines())
    (tmp_path / "run" / "recycled.json").unlink()
    assert main(command) == 0
    assert result.read_bytes() == before
    assert len(scores.read_bytes().splitlines()) == num_scores


def test_the_real_alpaca_samples_go_through(
    tmp_path: Path, faulty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = os.environ.get("REFLECT_EVAL_DATA")
    if not data:
        pytest.skip("REFLECT_EVAL_DATA names no folder of real data")
    command = write(tmp_path, faulty_url)
    name = "cherry_alpaca_5_percent.jsonl.gz"
    shutil.copy(Path(data) / "alpaca_cherry_5pct" / name, tmp_path)
    source = f'[{{ kind = "alpaca", path = "{tmp_path}/{name}", limit = 100 }}]'
    assert main([*command, f"data.sources={source}"]) == 0
    lines = (tmp_path / "run" / "recycled.jsonl").read_text().splitlines()
    assert len(lines) == 100
    inputs = [json.loads(line)["variants"]["original"]["input"] for line in lines]
    assert any(inputs)
