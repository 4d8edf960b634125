"""The section [export]."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from train.settings import FORBID, Count, Temperature, TopP


@dataclass(frozen=True, slots=True)
class Export:
    """The bundle.

    name: what the server calls it; "" is [run].name
    model: the folder of the model or adapter to export; "" is what `sft` tuned
    dtype: of the weights that ship; they are merged and tested in float32 and cast once
    self_test: prompts on which the shipped file is compared with what was tuned
    system_prompt: what the server sends where a request has none; "" is the student's of
        [build.erase] if the data were built with it, else what most of them were taught under
    licences: files to lay beside the weights: those of the base model's folder come along anyway
    """

    __pydantic_config__ = FORBID

    name: str = ""
    model: str = ""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    self_test: Count = 16
    temperature: Temperature = 0.7
    top_p: TopP = 1.0
    system_prompt: str = ""
    licences: tuple[Path, ...] = ()
