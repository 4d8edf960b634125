"""The folder of a model, from what a user calls it."""

from __future__ import annotations

from pathlib import Path

from decoding.bundle import BundleError

MODELS = Path(__file__).resolve().parent.parent / "models"


def find_model(name: str) -> Path:
    """Return the folder of a model: a path, the name of one that ships, or one of a hub.

    Raises BundleError naming what there is.
    """
    for folder in (Path(name), MODELS / name):
        if (folder / "config.json").is_file():
            return folder
    if name.count("/") == 1 and not Path(name).exists():
        return _download(name)
    shipped = sorted(path.parent.name for path in MODELS.glob("*/config.json"))
    raise BundleError(
        f"{name} is neither a model folder (one with a config.json) nor one of the models that "
        f"ship: {', '.join(shipped) or 'none is built yet, see `make demo-model`'}"
    )


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.jinja", "*.safetensors"]))
    except (OSError, ValueError) as error:
        raise BundleError(f"{name} is no folder, and cannot be downloaded: {error}") from error
