import os
from pathlib import Path

import pytest

from train.model_hash import PIECE_BYTES, WHOLE_BYTES, hash_model

FILES = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(b"{}")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_one_byte_of_weights_configuration_or_tokenizer_makes_another_model(
    folder: Path, name: str
) -> None:
    former = hash_model(str(folder))
    (folder / "README.md").write_text("no part of it")
    assert hash_model(str(folder)) == former
    (folder / name).write_bytes(b"[]")
    assert hash_model(str(folder)) != former


def test_of_a_large_file_pieces_from_its_beginning_to_its_end_are_read(folder: Path) -> None:
    weights = folder / "model.safetensors"
    os.truncate(weights, WHOLE_BYTES + 1)  # a hole: no disk is used
    seen = {hash_model(str(folder))}
    for place in (0, (WHOLE_BYTES + 1 - PIECE_BYTES) * 128 // 255, WHOLE_BYTES):
        with weights.open("r+b") as opened:
            opened.seek(place)
            opened.write(b"x")
        seen.add(hash_model(str(folder)))
    assert len(seen) == 4
    os.truncate(weights, WHOLE_BYTES + 2)
    assert hash_model(str(folder)) not in seen


def test_a_model_of_the_hub_is_its_name_and_commit() -> None:
    names = [("a/b", None), ("a/b", "1"), ("a/b", "2"), ("a/c", "1")]
    assert len({hash_model(*one) for one in names}) == 4
