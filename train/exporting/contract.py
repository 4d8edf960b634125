"""The contract: stop tokens, budgets and prompts of a bundle, from what the model was taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from decoding.bundle import DEFAULT_EFFORTS, BudgetDefaults, Bundle, GoldenReply
from decoding.format import ReplyFormat
from train.building.dataset import Built
from train.config import Config
from train.exporting.lengths import Lengths


def write_contract(
    config: Config,
    folder: Path,
    built: Built | None,
    stops: tuple[int, ...],
    golden: list[GoldenReply],
    positions: int | None,
) -> Bundle:
    """Write reflection.json and what generation_config.json says of sampling."""
    format = ReplyFormat(is_thinking_optional=True)
    budgets = BudgetDefaults()
    efforts: Mapping[str, int] = DEFAULT_EFFORTS
    if built is not None:
        rows = zip(built.train["kinds"], built.train["copy"], strict=True)
        lengths = Lengths.of(kinds for kinds, copy in rows if not copy)
        format = ReplyFormat.from_dict(built.manifest["reply_format"])
        budgets, efforts = lengths.budgets, lengths.efforts
    bundle = Bundle(
        folder=folder,
        name=config.export.name or config.run.name,
        stop_token_ids=stops,
        format=format,
        budgets=_fit(budgets, positions),
        efforts=dict(efforts),
        system_prompt=_system_prompt(config, built),
        golden_replies=tuple(golden),
        temperature=config.export.temperature,
        top_p=config.export.top_p,
    )
    bundle.save()
    return bundle


def stop_ids(config: Any, tokenizer: Any, built: Built | None) -> tuple[int, ...]:
    """Return what ends a reply: the token taught last in each, and what the model stops at anyway.

    config: the model's generation configuration, or its configuration
    """
    found: dict[int, None] = {}
    if built is not None:
        found[int(built.manifest["end_of_turn_id"])] = None
    for ids in (tokenizer.eos_token_id, config.get("eos_token_id")):
        found |= dict.fromkeys(ids if isinstance(ids, list) else [] if ids is None else [ids])
    return tuple(found)


def _fit(budgets: BudgetDefaults, positions: int | None) -> BudgetDefaults:
    """Let the defaults be no larger than the context."""
    if positions is None:
        return budgets
    return replace(
        budgets,
        max_tokens=min(budgets.max_tokens, positions),
        max_thinking_tokens=min(budgets.max_thinking_tokens, positions),
    )


def _system_prompt(config: Config, built: Built | None) -> str | None:
    """Return the one that is named, else the student's if it was taught, else the most taught."""
    if config.export.system_prompt:
        return config.export.system_prompt
    erase = config.build.erase
    student = erase.student_system if erase else ""
    if built is not None:
        taught: Mapping[str, int] = built.manifest["system_prompts"]
        if student not in taught:
            student = max(taught, key=lambda system: taught[system])
    return student or None
