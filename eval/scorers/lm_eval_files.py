"""The task files of the installed lm-eval, read without importing it (its import takes seconds)."""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

INSTRUCT = "llama3/instruct"
FILES = {
    "gsm8k_cot_llama": "gsm8k/gsm8k-cot-llama.yaml",
    "mmlu_cot_llama": f"{INSTRUCT}/mmlu_cot/_mmlu_cot_llama_template_yaml",
    "mmlu_llama": f"{INSTRUCT}/mmlu/_continuation_template_yaml",
    "arc_challenge_llama": f"{INSTRUCT}/arc_challenge/arc_challenge_llama.yaml",
}


@lru_cache
def task_config(task: str) -> dict[str, Any] | None:
    """Return what the file of one of FILES says; None where lm-eval, or that file, is not there."""
    package = importlib.util.find_spec("lm_eval")
    if package is None or package.origin is None:
        return None
    file = Path(package.origin).parent / "tasks" / FILES[task]
    return _read(file) if file.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    """Read a file over those that it includes; a `!function` is left as its name."""
    yaml: Any = importlib.import_module("yaml")  # comes with lm-eval

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A safe one, in C where there is one, with a tag more."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    config: dict[str, Any] = yaml.load(file.read_bytes(), Loader)
    included = config.pop("include", [])
    whole: dict[str, Any] = {}
    for name in [included] if isinstance(included, str) else included:
        whole |= _read(file.parent / name)
    return whole | config
