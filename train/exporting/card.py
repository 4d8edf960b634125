"""The card: the bundle's README.md, what it is and how it was made, for people and model hubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from decoding.bundle import Bundle
from files.whole import write_whole
from train.config import Config
from train.fine_tuning.settings import LEAST_RANK


def write_card(config: Config, bundle: Bundle, manifest: Mapping[str, Any], folder: Path) -> None:
    """Write README.md from the manifest and the configuration."""
    write_whole(folder / "README.md", "\n".join(_lines(config, bundle, manifest)) + "\n")


def _lines(config: Config, bundle: Bundle, manifest: Mapping[str, Any]) -> Iterator[str]:
    base = config.sft.model or "a model that was tuned elsewhere"
    yield f"# {bundle.name}"
    yield ""
    yield f"{manifest['num_parameters']:,} parameters in {manifest['dtype']}, tuned from `{base}`."
    yield ""
    yield "    reflect serve THIS_FOLDER"
    yield ""
    if manifest["method"] == "lora":
        yield from _lora_lines(config.sft.lora.rank)
    yield "## Self-test"
    yield ""
    yield "Greedy replies of what was tuned, held against the weights in this folder:"
    yield ""
    yield "| step | replies the same | tokens the same | greatest change of a log probability |"
    yield "|---|---|---|---|"
    for step, found in manifest["self_test"].items():
        yield (
            f"| {step} | {found['num_written']} of {found['num_replies']} "
            f"| {found['num_likeliest']} of {found['num_tokens']} | {found['greatest_change']:g} |"
        )
    yield ""
    yield "## Papers"
    yield ""
    yield "* `resolved_config.toml`: the whole configuration; `python -m train` takes it by `-c`."
    yield "* `data_manifest.json`: what each stage read, kept and dropped, with hashes."
    yield "* `manifest.json`: size and hash of every file, and of what it was made of."
    yield "* `reflection.json`: the reply format, budgets and golden replies that the server reads."


def _lora_lines(rank: int) -> Iterator[str]:
    yield (
        f"Tuned by LoRA of rank {rank}. *Physics of Language Models 2.2* found that adapters "
        "hardly teach a model to correct itself where full tuning does"
        + ("." if rank >= LEAST_RANK else f", least of all below rank {LEAST_RANK}.")
    )
    yield ""
