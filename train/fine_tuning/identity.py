"""Identity: hashes of all that the tuned weights depend on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from train.building.dataset import Built
from train.errors import TrainError
from train.fine_tuning.settings import Sft
from train.model_hash import hash_model

FREE = ("save_every_s", "keep", "log_every")  # settings that change no weight
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
TEMPLATE = "chat_template.jinja"


def identify(settings: Sft, seed: int, built: Built) -> dict[str, str]:
    """Return a hash by name: data, tokenizer, template, model, settings."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in FREE}
    return {
        "data": _hash_text(json.dumps(dict(built.manifest), sort_keys=True)),
        "tokenizer": _hash_files(built.tokenizer, TOKENIZER),
        "template": _hash_files(built.tokenizer, [TEMPLATE]),
        "model": hash_base(settings.model),
        "settings": _hash_text(json.dumps([seed, chosen], sort_keys=True, default=str)),
    }


def hash_base(name: str) -> str:
    """Hash the model that a run starts from; of the Hub's, the name and the commit it has here."""
    if not name or Path(name).is_dir():
        return hash_model(name)
    from transformers.utils import cached_file

    try:
        config = Path(cached_file(name, "config.json"))
    except (OSError, ValueError) as error:
        raise TrainError(f"cannot load sft.model = {name!r}: {error}") from error
    return hash_model(name, config.parent.name)  # a snapshot's folder is named by its commit


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hash_files(folder: Path, names: list[str] | tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        file = folder / name
        content = file.read_bytes() if file.is_file() else b""
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
