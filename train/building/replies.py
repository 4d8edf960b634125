"""Replies of instruction data: a response without thinking, or a draft, its criticism, the better.

Responses of instruction data were written without thinking. As `output` they become a reply of the
output section alone, which the format then has to allow. As `reflection` a recycled sample shows
how it came about: the draft that the teacher criticised (never learned), the criticism, and the
better answer; samples whose response was kept stay answers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from decoding.format import ReplyFormat, Section
from files.journal import Journal
from train.building.conversation import Conversation
from train.errors import DataError
from train.run_folder import RECYCLED, SAMPLES
from train.sample import Sample
from train.segments import Kind, Segment

Replies = Literal["output", "reflection"]
DRAFTS = {"response": "original", "both": "instruction"}  # outcome -> the variant criticised


def read_original(folder: Path, format: ReplyFormat) -> Iterator[Conversation]:
    """Yield the samples of a run folder as they were read."""
    for row in _rows(folder / SAMPLES):
        sample = _sample(row)
        reply = (output(sample.response, format),)
        yield Conversation(row["id"], row["source"], row["split"], sample.question, reply)


def read_recycled(folder: Path, replies: Replies, format: ReplyFormat) -> Iterator[Conversation]:
    """Yield the recycled samples that are kept."""
    for row in _rows(folder / RECYCLED):
        if row["kept"]:
            question = _sample(row["final"]).question
            reply = _reply(row, replies, format)
            yield Conversation(row["id"], row["source"], row["split"], question, reply)


def output(text: str, format: ReplyFormat) -> Segment:
    """Return the output section with this answer, blanks around it dropped."""
    section = f"{format.open(Section.OUTPUT)}{text.strip()}{format.close(Section.OUTPUT)}"
    return Segment(section, Kind.OUTPUT)


def reflection(text: str, format: ReplyFormat) -> Segment:
    """Return a reflection, on a line of its own."""
    opening, closing = format.open(Section.REFLECTION), format.close(Section.REFLECTION)
    return Segment(f"{opening}{text.strip()}{closing}\n", Kind.REFLECTION)


def thinking(*inside: Segment, format: ReplyFormat) -> tuple[Segment, ...]:
    """Return the segments between the tags of thinking."""
    return (
        Segment(f"{format.open(Section.THINKING)}\n", Kind.THINK),
        *inside,
        Segment(f"{format.close(Section.THINKING)}\n", Kind.THINK),
    )


def _reply(row: Mapping[str, Any], replies: Replies, format: ReplyFormat) -> tuple[Segment, ...]:
    answer = output(row["final"]["response"], format)
    outcome = row["outcome"]
    if replies == "output" or outcome not in DRAFTS:
        return (answer,)
    criticism = row["calls"][outcome]["criticism"]
    if not criticism.strip():
        return (answer,)
    draft = row["variants"][DRAFTS[outcome]]["response"].strip()
    wrong = Segment(f"{draft}\n", Kind.WRONG, loss=False)
    return (*thinking(wrong, reflection(criticism, format), format=format), answer)


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    if not file.exists():
        raise DataError(f"{file.parent} has no {file.name}: `reflect train recycle` writes it")
    yield from Journal(file)


def _sample(texts: Mapping[str, str]) -> Sample:
    return Sample(texts["instruction"], texts["response"], texts["input"])
