"""Tuned: what is to be exported, a whole model or a LoRA adapter beside the model it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from train.config import Config
from train.errors import DataError
from train.fine_tuning.settings import Sft
from train.fine_tuning.student import load_base
from train.run_folder import TUNED

MODEL, ADAPTER = "config.json", "adapter_config.json"
LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


@dataclass(frozen=True, slots=True)
class Tuned:
    """A folder with a whole model, or with an adapter of the base model that `sft` names."""

    folder: Path
    sft: Sft
    is_adapter: bool = False

    def load(self) -> Any:
        """Return the model in float32 on the CPU, an adapter live on its base."""
        import torch

        if self.is_adapter:
            from peft import PeftModel

            base = load_base(replace(self.sft, attention=""), self.tokenizer, "float32")
            return PeftModel.from_pretrained(base.model, self.folder).eval()
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32).eval()

    @property
    def tokenizer(self) -> Path:
        """Where its tokenizer lies: beside it, or with an adapter without one beside its base."""
        has_own = (self.folder / "tokenizer.json").is_file()
        return self.folder if has_own or not self.is_adapter else Path(self.sft.model)

    @property
    def licences(self) -> Iterator[Path]:
        """The licences and notices in its folder and in its base's, where that is a folder."""
        for folder in dict.fromkeys((Path(self.sft.model or self.folder), self.folder)):
            for pattern in LICENCES:
                yield from sorted(folder.glob(pattern))


def find_tuned(config: Config) -> Tuned:
    """Return what the configuration says to export; raise DataError where there is none."""
    folder = Path(config.export.model) if config.export.model else config.run.dir / TUNED
    if (folder / ADAPTER).is_file():
        stated = json.loads((folder / ADAPTER).read_text("utf-8")).get("base_model_name_or_path")
        base = config.sft.model or stated
        if not base:
            raise DataError(f"{folder / ADAPTER} names no base model: name it by sft.model")
        return Tuned(folder, replace(config.sft, model=base), is_adapter=True)
    if (folder / MODEL).is_file():
        return Tuned(folder, config.sft)
    raise DataError(
        f"{folder} holds neither a model ({MODEL}) nor an adapter ({ADAPTER}): run `sft` first, "
        "or name a folder by export.model"
    )
