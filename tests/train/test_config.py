import json
from pathlib import Path

import pytest

from train.config import Config, load_config
from train.errors import ConfigError
from train.settings import Run, Source

RUN = '[run]\nname = "test"\ndir = "runs/test"\n'


def load(folder: Path, text: str = "", *changes: str) -> Config:
    file = folder / "run.toml"
    file.write_text(RUN + text)
    return load_config(file, changes)


def test_what_a_file_leaves_out_is_the_default(tmp_path: Path) -> None:
    assert load(tmp_path) == Config(Run("test", Path("runs/test")))


def test_the_file_is_read_with_its_nested_values(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        '[data]\nholdout = 0.1\nsources = [{ kind = "alpaca", path = "a.json", limit = 9 }]\n'
        "[teacher]\ntemperatures = [0.0, 0.5, 1.0]\n",
    )
    assert config.data.sources == (Source("alpaca", Path("a.json"), 9),)
    assert config.teacher.temperatures == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("teacher.concurrency=128", 128),
        ("teacher.model=my-model", "my-model"),
        ("teacher.model='12'", "12"),
        ("teacher.price_read=2", 2.0),
        ("teacher.base_url=http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
    ],
)
def test_a_change_takes_the_place_of_the_file(tmp_path: Path, change: str, value: object) -> None:
    config = load(tmp_path, "[teacher]\nconcurrency = 2\nmodel = 'x'\n", change)
    name = change.partition("=")[0].removeprefix("teacher.")
    assert getattr(config.teacher, name) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[teacher]\nconcurency = 1", r"nothing is called teacher\.concurency: did you mean"),
        ("[teachers]\nx = 1", "nothing is called teachers: did you mean teacher"),
        ("[recycle]\nquux = 1", r"nothing is called recycle\.quux: there is method"),
        ("[teacher]\nconcurrency = '16'", r"teacher\.concurrency = '16'"),
        ("[teacher]\nconcurrency = 0", r"teacher\.concurrency = 0.*greater than or equal to 1"),
        ("[teacher]\ntemperatures = []", r"teacher\.temperatures = .*at least 1 item"),
        ("[teacher]\ntemperatures = [-1.0]", r"teacher\.temperatures\.0 = -1\.0"),
        ("[recycle]\ntop_percent = 0", r"recycle\.top_percent = 0"),
        ("[recycle]\nmethod = 'some'", r"recycle\.method = 'some'.*'selective' or 'all'"),
        ("[data]\nsources = [{ kind = 'alpaca' }]", r"data\.sources\.0\.path is missing"),
        ("[data]\nholdout = true", r"data\.holdout = True"),
        ("[run", r"run\.toml: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "change",
    [
        "data.holdout=1.0",
        "data.holdout=nan",
        "data.sources=[{kind='alpaca', path='x', limit=-1}]",
        "teacher.timeout_s=0.0",
        "teacher.top_p=inf",
        "recycle.top_percent=0.0",
        "build.max_length=0",
        "build.contamination_words=0",
        "build.dedup_threshold=1.5",
        "build.erase={keep_probability=30.0}",
        "build.generated=[{family='countdown', num=0}]",
        "build.attempts={questions='countdown', concurrency=0}",
        "sft.micro_batch=0",
        "sft.epochs=0.0",
        "sft.warmup=3.0",
        "sft.keep=0",
        "sft.lora={rank=0}",
        "export.self_test=0",
        "export.top_p=0.0",
    ],
)
def test_a_number_that_means_nothing_is_told(tmp_path: Path, change: str) -> None:
    with pytest.raises(ConfigError, match=r"should be|finite"):
        load(tmp_path, "", change)


@pytest.mark.parametrize("change", ["teacher", "concurrency=1", "teacher.=1", ".x=1", "=1"])
def test_a_change_without_section_name_or_value_is_told(tmp_path: Path, change: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.name=value was expected"):
        load(tmp_path, "", change)


def test_a_change_below_a_value_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name is no section"):
        load(tmp_path, "", "run.name.x=1")


def test_a_run_without_a_folder_is_told(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[run]\nname = 'x'\n")
    with pytest.raises(ConfigError, match=r"run\.dir is missing"):
        load_config(file)
    with pytest.raises(ConfigError, match="there is no file"):
        load_config(tmp_path / "none.toml")


def test_equal_configurations_have_one_hash_however_they_are_written(tmp_path: Path) -> None:
    spelled = load(tmp_path, "[teacher]\nconcurrency = 16\n")
    assert spelled.sha256 == load(tmp_path).sha256
    assert load(tmp_path, "", "teacher.concurrency=17").sha256 != spelled.sha256


def test_the_resolved_configuration_is_json_with_every_section(tmp_path: Path) -> None:
    resolved = load(tmp_path).to_dict()
    assert json.loads(json.dumps(resolved)) == resolved
    assert resolved.keys() >= {"run", "data", "teacher", "recycle", "score", "build", "sft"}
