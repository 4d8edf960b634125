from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from files.whole import write_whole
from tests.train.fine_tuning.tiny import tiny_config
from train.building.dataset import load_built
from train.errors import TrainError
from train.fine_tuning.identity import hash_base, identify
from train.fine_tuning.settings import Lora
from train.model_hash import hash_model


def test_each_cause_changes_the_hash_of_its_name_and_no_other(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    built = load_built(config.run.dir / "built")
    settings = config.sft
    former = identify(settings, 1, built)

    def changed(then: dict[str, str]) -> list[str]:
        return [name for name in former if then[name] != former[name]]

    assert changed(identify(replace(settings, save_every_s=1.0, keep=9), 1, built)) == []
    assert changed(identify(replace(settings, lora=Lora(rank=8)), 1, built)) == ["settings"]
    assert changed(identify(settings, 2, built)) == ["settings"]
    other = replace(built, manifest={**built.manifest, "data": "other"})
    assert changed(identify(settings, 1, other)) == ["data"]
    (built.tokenizer / "chat_template.jinja").write_text("{{ messages }}", "utf-8")
    assert changed(identify(settings, 1, built)) == ["template"]
    weights = Path(settings.model) / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # of the same size
    assert changed(identify(settings, 1, built)) == ["template", "model"]


def test_a_model_of_the_hub_is_known_by_the_commit_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hashes = []
    for commit in ("a" * 40, "b" * 40):
        write_whole(tmp_path / "models--me--tiny" / "refs" / "main", commit)
        write_whole(tmp_path / "models--me--tiny" / "snapshots" / commit / "config.json", "{}")
        hashes.append(hash_base("me/tiny"))
    assert hashes == [hash_model("me/tiny", "a" * 40), hash_model("me/tiny", "b" * 40)]
    with pytest.raises(TrainError, match=r"cannot load sft\.model = 'me/none'"):
        hash_base("me/none")
