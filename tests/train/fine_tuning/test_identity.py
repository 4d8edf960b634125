from dataclasses import replace
from pathlib import Path

from tests.train.fine_tuning.tiny import tiny_config
from train.building.dataset import load_built
from train.fine_tuning.identity import identify
from train.fine_tuning.settings import Lora


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
