"""Bundling: what was tuned as a folder that the server takes with nothing added.

The folder appears when all of it is there and has passed its tests; a kill leaves the former one,
or none, and the same command makes the same bytes.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from files.whole import sync_all, write_whole
from train.building import dataset
from train.building.dataset import Built, load_built
from train.config import Config
from train.errors import DataError, TrainError
from train.exporting.card import write_card
from train.exporting.contract import stop_ids, write_contract
from train.exporting.golden import surest
from train.exporting.manifest import (
    FORMAT,
    attach,
    describe,
    inputs,
    read_manifest,
    to_json,
)
from train.exporting.self_test import SURE
from train.exporting.servable import check_servable
from train.exporting.trials import plain_prompts, taught_prompts
from train.exporting.tuned import Tuned, find_tuned
from train.exporting.weights import Shipped, ship
from train.run_folder import BUILT, BUNDLE, BUNDLE_MANIFEST

logger = logging.getLogger(__name__)

NUM_GOLDEN, GOLDEN_TOKENS = 8, 32


def export(config: Config) -> dict[str, Any]:
    """Write the bundle of a run unless it is there already; return its manifest.

    Raises TrainError if what would ship is not what was tuned, or could not be served.
    """
    tuned = find_tuned(config)
    folder, beside = config.run.dir / BUNDLE, config.run.dir / f".{BUNDLE}"
    made_of = inputs(config, tuned)
    manifest = read_manifest(folder)
    if manifest is not None and manifest["made_of"] == made_of:
        logger.info("%s is there already, of the same weights and configuration", folder)
        return manifest
    shutil.rmtree(beside, ignore_errors=True)
    manifest = _write(config, tuned, beside)
    manifest |= {"format": FORMAT, "made_of": made_of, **describe(beside)}
    write_whole(beside / BUNDLE_MANIFEST, to_json(manifest))
    for file in beside.iterdir():
        file.chmod(0o644)  # all may read it
    sync_all(beside)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return manifest


def _write(config: Config, tuned: Tuned, folder: Path) -> dict[str, Any]:
    """Fill the folder; return what there is to say of it."""
    built = _load_built(config)
    tokenizer = _load_tokenizer(tuned)
    prompts = _prompts(tokenizer, built, config.export.self_test)
    stops = stop_ids(_stated(tuned), tokenizer, built)
    dtype = config.export.dtype
    logger.info("comparing on %d prompts", len(prompts))
    shipped = ship(tuned, prompts, stops, dtype, folder)
    tokenizer.save_pretrained(folder)
    golden = surest(shipped.model, prompts, NUM_GOLDEN, GOLDEN_TOKENS, stops, SURE[dtype])
    positions = getattr(shipped.model.config.get_text_config(), "max_position_embeddings", None)
    bundle = write_contract(config, folder, built, stops, golden, positions)
    check_servable(folder, tokenizer)
    attach(config, tuned, folder)
    manifest = {
        "name": bundle.name,
        "num_parameters": sum(p.numel() for p in shipped.model.parameters()),
        "dtype": dtype,
        "method": "lora" if tuned.is_adapter else "full",
        "num_golden": len(golden),
        "self_test": _found(shipped),
    }
    write_card(config, bundle, manifest, folder)
    return manifest


def _load_built(config: Config) -> Built | None:
    """Return the data that were taught; None for a model that was tuned elsewhere."""
    folder = config.run.dir / BUILT
    if dataset.read_manifest(folder) is None:
        if not config.export.model:
            raise DataError(f"{folder} holds no built data, from which the budgets come")
        return None
    return load_built(folder)


def _load_tokenizer(tuned: Tuned) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tuned.tokenizer)
    if not tokenizer.chat_template:
        raise TrainError(f"the tokenizer of {tuned.tokenizer} has no chat template: add one")
    return tokenizer


def _prompts(tokenizer: Any, built: Built | None, n: int) -> list[list[int]]:
    if built is None:
        return plain_prompts(tokenizer, n)
    return taught_prompts(built.train, n)


def _stated(tuned: Tuned) -> dict[str, Any]:
    """Return what the model says of itself: the configuration of generation, or the other."""
    for folder in (tuned.folder, Path(tuned.sft.model)):
        for name in ("generation_config.json", "config.json"):
            if (folder / name).is_file():
                found: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
                return found
    return {}


def _found(shipped: Shipped) -> dict[str, Any]:
    found = {"file": shipped.file.to_dict()}
    return found | ({} if shipped.merge is None else {"merge": shipped.merge.to_dict()})
