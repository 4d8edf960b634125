from dataclasses import replace
from pathlib import Path
from typing import Any

from decoding.bundle import Bundle
from train.config import Config
from train.exporting.card import write_card
from train.fine_tuning.settings import Lora, Sft
from train.settings import Run

FOUND = {"num_written": 3, "num_replies": 4, "num_likeliest": 90, "num_tokens": 99}
MANIFEST: dict[str, Any] = {
    "num_parameters": 1234567,
    "dtype": "bfloat16",
    "method": "lora",
    "self_test": {"file": FOUND | {"greatest_change": 0.25}},
}


def card(folder: Path, config: Config, manifest: dict[str, Any] = MANIFEST) -> str:
    write_card(config, Bundle(folder, "my-model", (1,)), manifest, folder)
    return (folder / "README.md").read_text()


def test_the_card_says_what_it_is_and_what_the_self_test_found(tmp_path: Path) -> None:
    config = Config(Run("a", tmp_path), sft=Sft(model="org/base"))
    shown = card(tmp_path, config)
    assert shown.startswith("# my-model\n")
    assert "1,234,567 parameters in bfloat16, tuned from `org/base`" in shown
    assert "| file | 3 of 4 | 90 of 99 | 0.25 |" in shown


def test_lora_is_warned_of_and_a_small_rank_more(tmp_path: Path) -> None:
    config = Config(Run("a", tmp_path), sft=Sft(lora=Lora(rank=64)))
    shown = card(tmp_path, config)
    assert "LoRA of rank 64" in shown
    assert "below rank 64" not in shown
    small = replace(config, sft=Sft(lora=Lora(rank=8)))
    assert "least of all below rank 64" in card(tmp_path, small)
    assert "LoRA" not in card(tmp_path, config, MANIFEST | {"method": "full"})
