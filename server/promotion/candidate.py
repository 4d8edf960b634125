"""check_candidate: whether a folder can take the place of the served one in a running engine.

Only the weights, budgets, prompts and golden replies may differ: the engine's memory, its compiled
kernels and the automata in its sampler were made for everything else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from decoding.bundle import Bundle, BundleError
from decoding.vocabulary import Vocabulary, VocabularyError
from server.errors import RequestError
from server.fingerprint import fingerprint
from server.model import ServedModel
from server.promotion.tensors import TensorsError, read_shapes
from server.prompts.chat_template import TemplateError
from server.prompts.prompt import Prompter, PromptError

# of config.json: what says how the file was made, not what the model is
INCIDENTAL = {"_name_or_path", "transformers_version", "use_cache", "dtype", "torch_dtype"}
MAX_NAMED = 4


def check_candidate(folder: Path, served: ServedModel) -> ServedModel:
    """Return the model as it would be served, under the served name; raise RequestError if not."""
    try:
        candidate = _load(folder, served)
    except (BundleError, VocabularyError, PromptError, TemplateError, TensorsError) as error:
        raise _refusal(str(error)) from error
    except OSError as error:
        raise _refusal(f"{folder} cannot be read: {error}") from error
    return candidate


def _load(folder: Path, served: ServedModel) -> ServedModel:
    bundle, old = Bundle.load(folder), served.bundle
    if bundle.folder.resolve() == old.folder.resolve():
        raise _refusal("it is the folder that is served; new weights need a folder of their own")
    _compare("config.json", _config(bundle), _config(old))
    _compare("the tensors of its weights", read_shapes(bundle.folder), read_shapes(old.folder))
    _compare("its reply format", _contract(bundle), _contract(old))
    size = served.vocabulary.size
    vocabulary = Vocabulary.load(bundle.folder, size=size, tags=bundle.format.tags)
    if vocabulary.digest != served.vocabulary.digest:
        raise _refusal("its vocabulary is another one: some token ids stand for other bytes")
    return replace(
        served,
        bundle=replace(bundle, name=old.name),
        prompter=Prompter.load(bundle),
        fingerprint=fingerprint(bundle.folder),
    )


def _config(bundle: Bundle) -> dict[str, Any]:
    config = json.loads((bundle.folder / "config.json").read_text("utf-8"))
    return {key: value for key, value in config.items() if key not in INCIDENTAL}


def _contract(bundle: Bundle) -> dict[str, Any]:
    own = {"reply_prefix": bundle.reply_prefix, "stop_token_ids": bundle.stop_token_ids}
    return bundle.format.to_dict() | own


def _compare(what: str, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Raise RequestError naming the keys by which two tables differ."""
    missing, extra = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    changed = sorted(key for key in old.keys() & new.keys() if old[key] != new[key])
    differences = [f"{key} is {new[key]!r}, not {old[key]!r}" for key in changed[:MAX_NAMED]]
    if missing:
        differences.append(f"{_named(missing)} missing")
    if extra:
        differences.append(f"{_named(extra)} too much")
    if differences:
        more = f" and {len(changed) - MAX_NAMED} more" if len(changed) > MAX_NAMED else ""
        raise _refusal(f"{what} must be the served model's: {'; '.join(differences)}{more}")


def _named(keys: Sequence[str]) -> str:
    names = ", ".join(keys[:MAX_NAMED])
    if len(keys) > MAX_NAMED:
        names += f" and {len(keys) - MAX_NAMED} more"
    return f"{names} {'is' if len(keys) == 1 else 'are'}"


def _refusal(reason: str) -> RequestError:
    return RequestError(
        f"The folder cannot be promoted: {reason}.", param="folder", code="promotion_refused"
    )
