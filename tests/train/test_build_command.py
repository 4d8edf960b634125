import asyncio
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.building.student import Student
from tests.train.building.tokenizers_made import DEMO
from train.building.dataset import load_built
from train.building.questions import read_questions
from train.command import REFUSED, main


def write_config(folder: Path, build: str, more: str = "") -> str:
    file = folder / "run.toml"
    file.write_text(
        f'[run]\nname = "test"\ndir = "{folder}/run"\n{more}\n'
        f'[build]\ntokenizer = "{DEMO}"\n{build}\n'
    )
    return str(file)


def test_alpaca_samples_are_read_and_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"instruction": f"Say {n}", "input": "", "output": f"It is {n}."} for n in range(30)]
    data = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    (tmp_path / "alpaca.jsonl.gz").write_bytes(data)
    source = f'[data]\nsources = [{{ kind = "alpaca", path = "{tmp_path}/alpaca.jsonl.gz" }}]'
    config = write_config(tmp_path, "", source)
    assert main(["build", "-c", config]) == 0
    said = capsys.readouterr().out
    built = load_built(tmp_path / "run" / "built")
    assert len(built.train) + len(built.holdout) == 30
    assert f"{len(built.train)} conversations to train on" in said
    assert f"{built.manifest['tokens']:,} tokens" in said
    assert main(["build", "-c", config]) == 0
    assert capsys.readouterr().out == said


def test_two_builds_of_one_run_at_a_time_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, "generated = [{ family = 'countdown', num = 4 }]")
    hold = "from files.lock import Lock; from pathlib import Path; import sys\n"
    hold += "with Lock(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(tmp_path / "run" / "built.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert main(["build", "-c", config]) == REFUSED
        other.kill()
    assert "is being written by another process" in capsys.readouterr().err
    assert not (tmp_path / "run" / "built").exists()
    assert main(["build", "-c", config]) == 0


async def test_the_students_answers_are_sampled_once_and_corrected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {q.prompt: q.answer for q in read_questions("word problems", 8, 1)}
    answers = ("0", "{}", "{} on day 0")
    student = Student(lambda prompt, n: answers[n].format(keys[prompt]))
    async with student.serve() as base_url:
        attempts = (
            f'[build.attempts]\nquestions = "word problems"\nnum = 8\nsamples = 3\n'
            f'base_url = "{base_url}"\nmodel = "student"\nconcurrency = 1'
        )
        config = write_config(tmp_path, "", attempts)
        for _ in range(2):
            assert await asyncio.to_thread(main, ["build", "-c", config]) == 0
    assert len(student.requests) == 24
    said = capsys.readouterr().out
    assert "attempts: 8 wrong, 8 right, 8 undecided" in said
    assert "dropped 8 of 24: 8 undecided" in said
    manifest = load_built(tmp_path / "run" / "built").manifest
    assert manifest["read"] == {"attempts": 24}
    assert manifest["by_kind"]["wrong"]["loss_tokens"] == 0 < manifest["by_kind"]["wrong"]["tokens"]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        ('attempts = { questions = "riddles" }', "neither a file nor 'word problems'"),
        ('tags = "text"', "<thinking> is a token of the tokenizer already"),
        ('contamination = ["none.jsonl"]', "there is no file none.jsonl"),
        ("", "nothing is left to build"),
    ],
)
def test_what_cannot_be_built_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], build: str, said: str
) -> None:
    assert main(["build", "-c", write_config(tmp_path, build)]) == REFUSED
    assert said in capsys.readouterr().err


def test_without_a_tokenizer_it_says_where_to_name_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.toml").write_text(f'[run]\nname = "test"\ndir = "{tmp_path}/run"')
    assert main(["build", "-c", str(tmp_path / "run.toml")]) == REFUSED
    assert "[build] wants a tokenizer, or [sft] a model" in capsys.readouterr().err
    wrong = f"build.tokenizer={tmp_path}"
    assert main(["build", "-c", str(tmp_path / "run.toml"), wrong]) == REFUSED
    assert "no tokenizer.json can be loaded" in capsys.readouterr().err
