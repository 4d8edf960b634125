"""A fingerprint tells weights and bundles apart, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decoding.bundle import Bundle
from server import fingerprint as module
from server.fingerprint import fingerprint


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(bundle.folder, copy)
    (copy / "model.safetensors").write_bytes(bytes(range(256)) * 64)
    return copy


def test_a_copy_has_the_same_one_and_it_looks_like_openais(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "again")
    (tmp_path / "again" / "README.md").write_text("what it is")
    assert fingerprint(folder) == fingerprint(tmp_path / "again")
    assert fingerprint(folder).startswith("fp_")
    assert len(fingerprint(folder)) == 15


@pytest.mark.parametrize("name", ["model.safetensors", "reflection.json", "tokenizer.json"])
def test_every_byte_of_weights_and_documents_counts(name: str, folder: Path) -> None:
    before = fingerprint(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert fingerprint(folder) != before


def test_the_adapters_folder_counts_too(folder: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    assert len({fingerprint(folder), fingerprint(folder, adapter), fingerprint(adapter)}) == 3


def test_a_large_file_counts_by_its_size_its_ends_and_samples(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(module, "NUM_SAMPLES", 3)
    monkeypatch.setattr(module, "SAMPLE_BYTES", 100)
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    versions = [data, b"x" + data[1:], data[:-1] + b"x", data + b"x"]
    versions.append(data[:8150] + b"x" * 80 + data[8230:])
    seen = set()
    for version in versions:
        weights.write_bytes(version)
        seen.add(fingerprint(folder))
    assert len(seen) == len(versions)
