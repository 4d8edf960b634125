"""Build: a run folder's samples, problems and self-corrections become token ids and labels.

gather -> drop what cannot or must not be taught -> copies by the mask -> ids and labels -> `built/`
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from decoding.format import FormatError, Reply, ReplyFormat, Section
from files.hashes import file_sha256
from train.building.contamination import EvaluationTexts, drop_contaminated
from train.building.conversation import Conversation, Drop, Reason, distinct
from train.building.corrections import read_corrections
from train.building.counts import Counts
from train.building.dataset import Row, Split, hash_rows, read_manifest, write_built
from train.building.duplicates import drop_near_duplicates
from train.building.erasure import system_prompt, system_prompts
from train.building.generated import read_generated
from train.building.masks import copies
from train.building.rendering import Rendered, Renderer, Taught
from train.building.replies import read_original, read_recycled
from train.building.tags import add_tags
from train.config import Config
from train.errors import DataError
from train.run_folder import ATTEMPTS, BUILT, RECYCLED, SAMPLES

LENIENT = ReplyFormat(is_thinking_optional=True)  # what is built: some replies may be answers alone
AT_ONCE = 1000  # conversations


@dataclass(slots=True)
class Building:
    """One build under way: what was kept, what was dropped, and what there is to say of it."""

    rows: dict[Split, list[Row]] = field(default_factory=lambda: {"train": [], "holdout": []})
    drops: list[Drop] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    read: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    systems: Counter[str] = field(default_factory=Counter)
    is_thinking_optional: bool = False


def build(config: Config, tokenizer: Any) -> dict[str, Any]:
    """Build into the run's folder and return the manifest; what is built already is left alone.

    The tokenizer gets its tags. Raises DataError where there is nothing to build of, ConfigError
    where the tokenizer or its template cannot say what is to be taught.
    """
    added = add_tags(tokenizer, config.build.tags, LENIENT)
    renderer = Renderer(tokenizer, LENIENT, config.build.max_length)
    for setting, system in system_prompts(config.build.erase).items():
        renderer.check_system(system, setting)
    folder, inputs = config.run.dir / BUILT, inputs_of(config, tokenizer)
    manifest = read_manifest(folder)
    if manifest is not None and manifest["inputs"] == inputs:
        return manifest
    building = Building()
    for block in _blocks(_taught(config, building)):
        _render(renderer, block, building)
    if not building.counts.num_rows.total():
        raise DataError(f"nothing is left to build: {told_drops(_reasons(building)) or 'no data'}")
    manifest = _manifest(config, building, renderer) | {
        "inputs": inputs,
        "added_tags": list(added),
        "tokenizer_sha256": inputs["tokenizer"],
        "template_sha256": inputs["template"],
    }
    write_built(folder, building.rows, tokenizer, map(asdict, building.drops), manifest)
    return manifest | {"format": 1}


def inputs_of(config: Config, tokenizer: Any) -> dict[str, Any]:
    """Return all that the result depends on: settings, and the hashes of what is read."""
    settings = config.to_dict()
    samples = {"recycled": (RECYCLED,), "original": (SAMPLES,)}.get(samples_of(config), ())
    files = [config.run.dir / name for name in samples] + list(config.build.contamination)
    attempts = config.build.attempts
    if attempts is not None:
        files.append(config.run.dir / ATTEMPTS)
        if (questions := Path(attempts.questions)).is_file():
            files.append(questions)
    return {
        "build": settings["build"],
        "seed": config.run.seed,
        "holdout": config.data.holdout,
        "files": {str(file): _hash_file(file) for file in files},
        "tokenizer": _hash_text(tokenizer.backend_tokenizer.to_str()),
        "template": _hash_text(tokenizer.chat_template),
    }


def samples_of(config: Config) -> str:
    """Return which samples are built of: recycled, original or none."""
    if config.build.samples != "auto":
        return config.build.samples
    if (config.run.dir / RECYCLED).exists():
        return "recycled"
    has_samples = config.data.sources or (config.run.dir / SAMPLES).exists()
    return "original" if has_samples else "none"


def gather(config: Config, attempts: Counter[str]) -> Iterator[Conversation | Drop]:
    """Yield everything that is read, always in the same order."""
    seed, holdout, folder = config.run.seed, config.data.holdout, config.run.dir
    match samples_of(config):
        case "recycled":
            yield from read_recycled(folder, config.build.replies, LENIENT)
        case "original":
            yield from read_original(folder, LENIENT)
    for settings in config.build.generated:
        yield from read_generated(settings, seed, holdout)
    if (asked := config.build.attempts) is not None:
        yield from read_corrections(folder, asked, seed, holdout, LENIENT, attempts)


def _taught(config: Config, building: Building) -> Iterator[Taught]:
    """Yield every copy of what is left, with its mask and its system prompt."""
    settings, seed = config.build, config.run.seed
    texts = EvaluationTexts(settings.contamination, settings.contamination_words)
    read = _well_formed(_counted(gather(config, building.attempts), building), building.drops)
    different = distinct(read, building.drops)
    unlike = drop_near_duplicates(different, settings.dedup_threshold, building.drops)
    for one in drop_contaminated(unlike, texts, building.drops):
        system = system_prompt(settings.erase, seed, one.id, one.source)
        for number, segments in enumerate(copies(one.segments, settings.mask)):
            yield Taught(one, system, segments, number)


def _counted(read: Iterable[Conversation | Drop], building: Building) -> Iterator[Conversation]:
    for one in read:
        building.read[one.source] += 1
        if isinstance(one, Drop):
            building.drops.append(one)
        else:
            yield one


def _well_formed(
    conversations: Iterable[Conversation], drops: list[Drop]
) -> Iterator[Conversation]:
    for conversation in conversations:
        try:
            Reply.parse(conversation.reply, LENIENT)
        except FormatError as error:
            drops.append(Drop.of(conversation, Reason.MALFORMED, error))
        else:
            yield conversation


def _blocks(taught: Iterable[Taught]) -> Iterator[list[Taught]]:
    block: list[Taught] = []
    for each in taught:
        block.append(each)
        if len(block) == AT_ONCE:
            yield block
            block = []
    if block:
        yield block


def _render(renderer: Renderer, block: list[Taught], building: Building) -> None:
    for taught, rendered in zip(block, renderer.render(block), strict=True):
        if isinstance(rendered, Rendered):
            split = taught.conversation.split
            building.rows[split].append(rendered.row)
            building.counts.add(split, rendered.row, rendered.num_straddling)
            building.systems[taught.system] += 1
            is_answer_alone = taught.segments[0].text.startswith(LENIENT.open(Section.OUTPUT))
            building.is_thinking_optional |= is_answer_alone
        elif taught.copy == 0:  # the second copy is as long and says the same
            building.drops.append(rendered)


def _manifest(config: Config, building: Building, renderer: Renderer) -> dict[str, Any]:
    reply_format = ReplyFormat(is_thinking_optional=building.is_thinking_optional)
    return {
        "config_sha256": config.sha256,
        "data_sha256": hash_rows(building.rows["train"] + building.rows["holdout"]),
        "tags": config.build.tags,
        "mask": config.build.mask,
        "reply_format": reply_format.to_dict(),
        "end_of_turn": renderer.end,
        "end_of_turn_id": renderer.end_id,
        "read": dict(building.read),
        "dropped": _reasons(building),
        "attempts": dict(building.attempts),
        "system_prompts": dict(building.systems),
        **building.counts.to_dict(),
    }


def _reasons(building: Building) -> dict[str, int]:
    return dict(Counter(drop.reason.value for drop in building.drops))


def told_drops(reasons: dict[str, int]) -> str:
    """Return the reasons with their counts, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered)


def _hash_file(file: Path) -> str:
    """Hash a file; "" where there is none, which the reader of it reports."""
    return file_sha256(file) if file.exists() else ""


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
