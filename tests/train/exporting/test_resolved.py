import tomllib
from pathlib import Path

from train.config import Config, load_config
from train.exporting.resolved import to_toml
from train.exporting.settings import Export
from train.settings import Data, Run, Source


def test_the_resolved_configuration_is_read_back_as_it_was(tmp_path: Path) -> None:
    config = Config(
        Run('a "name" with \\ and \x7f, ä', Path("runs/x"), seed=3),
        data=Data((Source("alpaca", Path("a b.json"), 5), Source("jsonl", Path("c")))),
        export=Export(licences=(Path("LICENSE"),), top_p=0.9),
    )
    file = tmp_path / "resolved.toml"
    file.write_text(to_toml(config.to_dict()), "utf-8")
    assert load_config(file) == config
    assert load_config(file).sha256 == config.sha256


def test_nested_tables_and_odd_keys_are_read_back() -> None:
    document = {
        "a": 1,
        "sft": {
            "lr": 1e-05,
            "trainer": {"optim.x": "adam", "n": {}},
            "on": True,
            "list": [{"k": 2}],
        },
    }
    assert tomllib.loads(to_toml(document)) == document


def test_what_is_none_is_left_out() -> None:
    assert tomllib.loads(to_toml({"build": {"erase": None, "tags": "added"}})) == {
        "build": {"tags": "added"}
    }
