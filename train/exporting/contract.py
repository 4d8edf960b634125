"""The contract: stop tokens, budgets and prompts of a bundle, from what the model was taught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from decoding.bundle import BudgetDefaults, Bundle, GoldenReply
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
    lengths = None if built is None else Lengths.of(built.train["kinds"])
    is_thinking_optional = lengths is None or lengths.has_bare
    bundle = Bundle(
        folder=folder,
        name=config.export.name or config.run.name,
        stop_token_ids=stops,
        format=ReplyFormat(is_thinking_optional=is_thinking_optional),
        budgets=_fit(BudgetDefaults() if lengths is None else lengths.budgets, positions),
        system_prompt=_system_prompt(config),
        golden_replies=tuple(golden),
        temperature=config.export.temperature,
        top_p=config.export.top_p,
    )
    if lengths is not None:
        bundle = replace(bundle, efforts=lengths.efforts)
    bundle.save()
    return bundle


def stop_ids(config: Any, tokenizer: Any, built: Built | None) -> tuple[int, ...]:
    """Return what ends a reply: the token taught last in each, and what the model stops at anyway.

    config: the model's generation configuration, or its configuration
    """
    found: dict[int, None] = {}
    if built is not None and len(built.train):
        found[built.train[0]["input_ids"][-1]] = None
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


def _system_prompt(config: Config) -> str | None:
    erase = config.build.erase
    return config.export.system_prompt or (erase.student_system if erase else "") or None
