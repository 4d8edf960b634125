"""Make token ids and labels of samples, problems and self-corrections: `built/` of a run.

python -m train build -c run.toml build.mask=prefix
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from files.lock import Lock
from train.config import Config, add_config_arguments, read_config
from train.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Return 0; the same command again goes on where it was stopped."""
    config = read_config(arguments)
    tokenizer = load_tokenizer(config.build.tokenizer or config.sft.model)
    with Lock(config.run.dir / "built.lock"):
        manifest = _build(config, tokenizer)
    for line in summary(manifest):
        print(line)
    print(f"written to {config.run.dir / 'built'}")
    return 0


def _build(config: Config, tokenizer: Any) -> dict[str, Any]:
    """Read the samples, let the student answer, build; what is there already is left alone."""
    from train.building.build import build, samples_of

    if samples_of(config) == "original" and config.data.sources:
        from train.samples import prepare_samples

        prepare_samples(config.run, config.data)
    _sample(config)
    return build(config, tokenizer)


def load_tokenizer(name: str) -> Any:
    """Load the tokenizer.json of a folder or name, which a server reads too; else ConfigError."""
    if not name:
        raise ConfigError("[build] wants a tokenizer, or [sft] a model to take it from")
    from transformers import PreTrainedTokenizerFast

    try:
        return PreTrainedTokenizerFast.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ConfigError(f"no tokenizer.json can be loaded from {name!r}: {error}") from error


def summary(manifest: Mapping[str, Any]) -> list[str]:
    """Return what there is to say of built data, a line each."""
    from train.building.build import told_drops

    rows, dropped = manifest["rows"], manifest["dropped"]
    copies = f" ({manifest['second_copies']:,} second copies)" if manifest["second_copies"] else ""
    learned = f"{manifest['loss_tokens']:,} ({manifest['loss_share']:.1%}) in the loss"
    lines = [
        f"{rows['train']:,} conversations to train on, {rows['holdout']:,} held out{copies}",
        f"{manifest['tokens']:,} tokens, {learned}",
    ]
    kinds = (
        f"{name} {counts['loss_tokens']:,} of {counts['tokens']:,}"
        for name, counts in manifest["by_kind"].items()
        if counts["tokens"] and name != "prompt"
    )
    lines.append(f"in the loss: {', '.join(kinds)}")
    if attempts := manifest["attempts"]:
        lines.append("attempts: " + ", ".join(f"{n:,} {name}" for name, n in attempts.items()))
    if dropped:
        read = sum(manifest["read"].values())
        lines.append(f"dropped {sum(dropped.values()):,} of {read:,}: {told_drops(dropped)}")
    if manifest["straddling_tokens"]:
        lines.append(
            f"{manifest['straddling_tokens']:,} tokens on the edge of a mask are not learned"
        )
    return lines


def _sample(config: Config) -> None:
    """Let the student answer what the journal lacks."""
    settings = config.build.attempts
    if settings is None:
        return
    from tqdm import tqdm

    from train.building.attempts import asks_of, sample_attempts
    from train.building.questions import read_questions

    questions = read_questions(settings.questions, settings.num, config.run.seed)
    asks = [ask for q in questions for ask in asks_of(settings, q.prompt, config.run.seed)]
    with tqdm(total=len(asks), unit="answer", file=sys.stderr, disable=None) as bar:
        sampling = sample_attempts(settings, asks, config.run.dir, lambda: bool(bar.update()))
        num_failed = asyncio.run(sampling)
    if num_failed:
        print(f"{num_failed:,} of {len(asks):,} answers did not come; the same command asks again")
