"""Weights: what was tuned as the file that ships, merged in float32, cast once, tested on the way.

In memory are at most 4 bytes a parameter, 8 where float32 ships: what was saved and what is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.exporting.self_test import (
    SURE,
    Comparison,
    Reference,
    check_cast,
    check_file,
    check_merge,
)
from train.exporting.tuned import Tuned


@dataclass(frozen=True, slots=True)
class Shipped:
    """The model as its file holds it, computing in float32.

    merge: the merged model beside the live adapter, None where there was none; file: the shipped
    file beside what was tuned
    """

    model: Any
    merge: Comparison | None
    file: Comparison


def ship(
    tuned: Tuned, prompts: Sequence[Sequence[int]], stops: Sequence[int], dtype: str, folder: Path
) -> Shipped:
    """Write the weights into the folder; raise TrainError if they are not what was tuned."""
    import torch

    model = tuned.load()
    reference = Reference.write(model, prompts, stops)
    merge = None
    if tuned.is_adapter:
        model = model.merge_and_unload(safe_merge=True)
        merge = reference.compare(model, SURE["float32"])
        check_merge(merge)
    model.to(getattr(torch, dtype))
    model.save_pretrained(folder)
    shipped = check_file(folder, model)
    del model
    shipped.float()
    file = reference.compare(shipped, SURE[dtype])
    check_cast(file, dtype)
    return Shipped(shipped, merge, file)
