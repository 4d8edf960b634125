import json
from dataclasses import replace
from pathlib import Path

import pytest

from train.config import Config
from train.errors import DataError
from train.exporting.settings import Export
from train.exporting.tuned import Tuned, find_tuned
from train.fine_tuning.settings import Sft
from train.settings import Run


def config(folder: Path, base: str = "", model: str = "") -> Config:
    return Config(Run("tiny", folder), sft=Sft(model=base), export=Export(model=model))


def lay(folder: Path, name: str, **document: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(document))
    return folder


def test_what_sft_left_is_exported(tmp_path: Path) -> None:
    folder = lay(tmp_path / "tuned", "config.json")
    assert find_tuned(config(tmp_path)) == Tuned(folder, Sft())


def test_an_adapter_is_known_by_its_configuration_and_finds_its_base(tmp_path: Path) -> None:
    folder = lay(tmp_path / "tuned", "adapter_config.json", base_model_name_or_path="base")
    assert find_tuned(config(tmp_path)) == Tuned(folder, Sft(model="base"), is_adapter=True)
    assert find_tuned(config(tmp_path, base="other")).sft.model == "other"
    lay(folder, "adapter_config.json")
    with pytest.raises(DataError, match=r"names no base model: name it by sft\.model"):
        find_tuned(config(tmp_path))


def test_a_named_folder_is_exported_in_its_place(tmp_path: Path) -> None:
    lay(tmp_path / "tuned", "config.json")
    other = lay(tmp_path / "other", "config.json")
    assert find_tuned(config(tmp_path, model=str(other))).folder == other


def test_a_run_without_a_tuned_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds neither a model"):
        find_tuned(config(tmp_path))


def test_licences_come_from_the_base_and_from_beside_the_weights(tmp_path: Path) -> None:
    base = lay(tmp_path / "base", "config.json")
    folder = lay(tmp_path / "tuned", "config.json")
    for file in (base / "LICENSE.txt", base / "NOTICE", folder / "USE_POLICY.md"):
        file.touch()
    tuned = Tuned(folder, replace(Sft(), model=str(base)))
    assert [file.name for file in tuned.licences] == ["LICENSE.txt", "NOTICE", "USE_POLICY.md"]
    assert list(Tuned(folder, Sft(model="org/name")).licences) == [folder / "USE_POLICY.md"]


def test_a_tokenizer_beside_the_adapter_is_taken_before_its_bases(tmp_path: Path) -> None:
    tuned = Tuned(lay(tmp_path / "tuned", "adapter_config.json"), Sft(model="base"), True)
    assert tuned.tokenizer == Path("base")
    lay(tuned.folder, "tokenizer.json")
    assert tuned.tokenizer == tuned.folder
