import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from train.config import Config
from train.errors import DataError
from train.exporting.manifest import attach, describe, inputs, read_manifest
from train.exporting.settings import Export
from train.exporting.tuned import Tuned
from train.fine_tuning.settings import Sft
from train.settings import Run


def tuned(folder: Path) -> Tuned:
    (folder / "tuned").mkdir(parents=True)
    (folder / "tuned" / "model.safetensors").write_bytes(b"weights")
    return Tuned(folder / "tuned", Sft())


def test_other_weights_data_or_settings_are_other_inputs(tmp_path: Path) -> None:
    config, source = Config(Run("a", tmp_path)), tuned(tmp_path)
    first = inputs(config, source)
    assert inputs(config, source) == first
    assert inputs(Config(Run("a", tmp_path), export=Export(top_p=0.9)), source) != first
    (tmp_path / "data.json").write_text("{}")
    second = inputs(config, source)
    assert list(second["files"]) == ["run/data.json", "tuned/model.safetensors"]
    (source.folder / "model.safetensors").write_bytes(b"others")
    assert inputs(config, source) != second


def test_another_template_licence_or_base_is_another_input(tmp_path: Path) -> None:
    base, licence = tmp_path / "base", tmp_path / "MY-LICENCE"
    base.mkdir()
    licence.write_text("free")
    config = Config(Run("a", tmp_path), export=Export(licences=(licence,)))
    source = replace(tuned(tmp_path), sft=Sft(model=str(base)), is_adapter=True)
    seen = [inputs(config, source)]
    for file in (
        source.folder / "chat_template.jinja",
        base / "LICENSE",
        licence,
        base / "model.safetensors",
        source.folder / "LICENSE",
    ):
        file.write_text(str(file))
        seen.append(inputs(config, source))
    assert all(one not in seen[:at] for at, one in enumerate(seen))


def test_the_papers_are_copied_and_a_licence_that_is_missing_is_named(tmp_path: Path) -> None:
    licence = tmp_path / "MY-LICENCE"
    config = Config(Run("a", tmp_path), export=Export(licences=(licence,)))
    source = tuned(tmp_path)
    (tmp_path / "data.json").write_text('{"num": 3}')
    bundle = tmp_path / "bundle"
    with pytest.raises(DataError, match=r"MY-LICENCE, which is no file"):
        attach(config, source, bundle)
    licence.write_text("free")
    attach(config, source, bundle)
    assert json.loads((bundle / "data_manifest.json").read_text()) == {"data": {"num": 3}}
    assert tomllib.loads((bundle / "resolved_config.toml").read_text())["run"]["name"] == "a"
    assert (bundle / "MY-LICENCE").read_text() == "free"


def test_a_folder_is_described_by_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    found = describe(tmp_path)
    sha = hashlib.sha256(b"abc").hexdigest()
    assert found["files"] == {"a": {"size_bytes": 3, "sha256": sha}}
    assert set(found["made_with"]) == {"python", "torch", "transformers", "tokenizers"}


def test_a_bundle_is_whole_only_with_all_its_files(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "manifest.json").write_text(json.dumps(describe(tmp_path)))
    assert read_manifest(tmp_path) is not None
    (tmp_path / "a").write_bytes(b"ab")
    assert read_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text("{")
    assert read_manifest(tmp_path) is None
