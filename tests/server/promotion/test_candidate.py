"""A folder may take the served one's place only where nothing but weights and words differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from decoding.bundle import Bundle
from decoding.format import ReplyFormat
from server.errors import RequestError
from server.model import ServedModel
from server.promotion.candidate import check_candidate
from server.prompts.chat_message import ChatMessage
from tests.server.versions import make_version, served


@pytest.fixture
def old(model: ServedModel, bundle: Bundle, tmp_path: Path) -> ServedModel:
    return served(model, make_version(bundle.folder, tmp_path / "v1", 1))


@pytest.fixture
def new(bundle: Bundle, tmp_path: Path) -> Bundle:
    return make_version(bundle.folder, tmp_path / "v2", 2)


def rewrite(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_it_is_served_under_the_old_name_with_its_own_prompts_and_the_old_tables(
    old: ServedModel, new: Bundle
) -> None:
    replace(new, name="v2", system_prompt="Be brief.").save()
    rewrite(new.folder / "config.json", transformers_version="9.9", dtype="float32")
    made = check_candidate(new.folder, old)
    assert made.bundle.name == old.bundle.name
    assert made.automata is old.automata
    assert made.fingerprint != old.fingerprint
    messages = [ChatMessage("user", "hello")]
    assert len(made.prompter.render_prompt(messages)) > len(old.prompter.render_prompt(messages))


def drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def change_config(folder: Path) -> None:
    rewrite(folder / "config.json", hidden_size=7, rope_theta=1e4)


def change_format(folder: Path) -> None:
    replace(Bundle.load(folder), format=ReplyFormat(reflection="doubt")).save()


def change_stop(folder: Path) -> None:
    replace(Bundle.load(folder), stop_token_ids=(3, 4)).save()


def change_vocabulary(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text())
    vocab = document["model"]["vocab"]
    vocab["a"], vocab["b"] = vocab["b"], vocab["a"]
    (folder / "tokenizer.json").write_text(json.dumps(document))


def break_template(folder: Path) -> None:
    rewrite(folder / "tokenizer_config.json", chat_template="{{ raise_exception('no') }}")


def drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def spoil_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not weights at all")


def reshape_weights(folder: Path) -> None:
    save_file({"embed": np.ones((5, 3), np.float32)}, folder / "model.safetensors")


def untie_weights(folder: Path) -> None:
    arrays = {"embed": (4, 3), "norm": (3,), "head": (4, 3)}
    made = {name: np.ones(shape, np.float32) for name, shape in arrays.items()}
    save_file(made, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_config, ["config.json"]),
        (change_config, ["config.json", "hidden_size", "rope_theta"]),
        (change_format, ["reply format", "reflection is 'doubt', not 'reflection'"]),
        (change_stop, ["stop_token_ids is (3, 4)"]),
        (change_vocabulary, ["vocabulary"]),
        (break_template, ["template"]),
        (drop_weights, ["no *.safetensors"]),
        (cut_weights, ["bytes by its header"]),
        (spoil_weights, ["cut short"]),
        (reshape_weights, ["embed is (5, 3), not (4, 3)", "norm is missing"]),
        (untie_weights, ["head is too much"]),
    ],
)
def test_what_differs_is_named(
    change: Callable[[Path], None], words: list[str], old: ServedModel, new: Bundle
) -> None:
    change(new.folder)
    with pytest.raises(RequestError) as refused:
        check_candidate(new.folder, old)
    assert [word for word in words if word not in refused.value.message] == []
    assert refused.value.code == "promotion_refused"


def test_the_served_folder_itself_leaves_nothing_to_go_back_to(old: ServedModel) -> None:
    with pytest.raises(RequestError, match="folder that is served"):
        check_candidate(old.bundle.folder, old)


def test_weights_in_several_files_count_as_one(old: ServedModel, new: Bundle) -> None:
    folder = new.folder
    drop_weights(folder)
    save_file({"embed": np.ones((4, 3), np.float32)}, folder / "a.safetensors")
    save_file({"norm": np.ones(3, np.float32)}, folder / "b.safetensors")
    save_file({"else": np.ones(3, np.float32)}, folder / "c.safetensors")
    index = {"weight_map": {"embed": "a.safetensors", "norm": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    check_candidate(folder, old)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(RequestError, match="index"):
        check_candidate(folder, old)
