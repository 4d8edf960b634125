"""Reading a reply with the parser in every split, and a plain reference that reads it whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from decoding.format import BLANK, Reply, ReplyFormat, Section
from decoding.parser import Delta, ReplyParser, Status
from decoding.passage import Trim
from decoding.vocabulary import Vocabulary

BYTES = Vocabulary([bytes([byte]) for byte in range(256)])

Run = tuple[Section, int, str]


@dataclass(frozen=True)
class Reading:
    """What a parser made of a reply: the deltas, neighbours of one section joined, and the end."""

    runs: tuple[Run, ...]
    status: Status
    num_reflections: int

    @property
    def texts(self) -> list[tuple[Section, str]]:
        return [(section, text) for section, _, text in self.runs]

    @property
    def answer(self) -> str:
        return "".join(text for section, _, text in self.runs if section is Section.OUTPUT)


def join(deltas: Iterable[Delta]) -> tuple[Run, ...]:
    runs: list[Run] = []
    for delta in deltas:
        assert delta.text
        if runs and runs[-1][:2] == (delta.section, delta.index):
            runs[-1] = (delta.section, delta.index, runs[-1][2] + delta.text)
        else:
            runs.append((delta.section, delta.index, delta.text))
    return tuple(runs)


def read(
    chunks: Iterable[str | bytes],
    format: ReplyFormat | None = None,
    *,
    prefix: str = "",
    trim: Trim = "newline",
    recover: bool = False,
) -> Reading:
    parser = ReplyParser(format or ReplyFormat(), prefix=prefix, trim=trim, recover=recover)
    deltas = [delta for chunk in chunks for delta in parser.feed_text(chunk)]
    deltas += parser.flush()
    return Reading(join(deltas), parser.status, parser.num_reflections)


def read_in_every_split(
    reply: str | bytes,
    format: ReplyFormat | None = None,
    *,
    prefix: str = "",
    trim: Trim = "newline",
    recover: bool = False,
) -> Reading:
    """Read a reply whole, assert that no split of one or two cuts or into bytes reads otherwise."""
    data = reply.encode() if isinstance(reply, str) else reply

    def read_chunks(chunks: Iterable[str | bytes]) -> Reading:
        return read(chunks, format, prefix=prefix, trim=trim, recover=recover)

    whole = read_chunks([data])
    assert read_chunks([bytes([byte]) for byte in data]) == whole
    for cut in range(len(data) + 1):
        assert read_chunks([data[:cut], data[cut:]]) == whole
    for first, second in combinations(range(1, len(data)), 2):
        assert read_chunks([data[:first], data[first:second], data[second:]]) == whole
    if isinstance(reply, str):
        assert read_chunks(reply) == whole
    parser = ReplyParser(format or ReplyFormat(), BYTES, prefix=prefix, trim=trim, recover=recover)
    assert read_tokens(parser, list(data)) == whole
    return whole


def read_tokens(parser: ReplyParser, token_ids: Sequence[int]) -> Reading:
    """Feed bytes as tokens; assert at each that the answer's tokens are the answer's text."""
    deltas: list[Delta] = []
    for token_id in token_ids:
        deltas += parser.feed([token_id])
        _assert_aligned(parser, token_ids, deltas)
    deltas += parser.flush()
    _assert_aligned(parser, token_ids, deltas)
    assert parser.num_tokens == len(token_ids)
    return Reading(join(deltas), parser.status, parser.num_reflections)


def _assert_aligned(parser: ReplyParser, fed: Sequence[int], deltas: Iterable[Delta]) -> None:
    answer = "".join(delta.text for delta in deltas if delta.section is Section.OUTPUT)
    tokens = parser.answer_tokens
    assert bytes(fed[tokens.start : tokens.stop]).decode("utf-8", "replace") == answer


def runs_of(reply: Reply) -> tuple[Run, ...]:
    """Return the runs of a well-formed reply that nobody trims."""
    deltas: list[Delta] = []
    block, reflection = -1, -1
    before: Section | None = None
    for section, text in reply.sections:
        block += section is Section.THINKING and before is not Section.REFLECTION
        reflection += section is Section.REFLECTION
        index = {Section.THINKING: block, Section.REFLECTION: reflection}.get(section, 0)
        deltas += [Delta(section, text, index)] * bool(text)
        before = section
    return join(deltas)


def read_plainly(text: str, trim: Trim, *, recover: bool) -> Reading:
    """Read a whole reply of the default format by the rules as they are written down."""
    names = "|".join(re.escape(tag) for tag in ReplyFormat().tags)
    inside: list[Section] = []  # the sections that are open
    stage, block, reflection = "start", -1, -1
    deltas: list[Delta] = []
    passage = ""

    def end_passage(*, is_at_tag: bool) -> None:
        nonlocal passage
        outside = Section.TRAILING if stage == "done" else Section.UNTAGGED
        section = inside[-1] if inside else outside
        index = {Section.THINKING: block, Section.REFLECTION: reflection}.get(section, 0)
        kept = _trimmed(passage, trim if inside else "strip", is_at_tag=is_at_tag)
        deltas.extend([Delta(section, kept, index)] * bool(kept))
        passage = ""

    for piece in re.split(f"({names})", text):
        opened = _opens(piece, inside, stage, recover=recover)
        closed = _closes(piece, inside, recover=recover)
        if opened is None and not closed:
            passage += piece
            continue
        end_passage(is_at_tag=True)
        if opened is None:
            del inside[-closed:]
            stage = "done" if piece == "</output>" else "between"
        else:
            block += opened is Section.THINKING
            reflection += opened is Section.REFLECTION
            inside = [*inside, opened] if opened is Section.REFLECTION else [opened]
    end_passage(is_at_tag=False)
    endings = {"done": Status.COMPLETE, "start": Status.UNTAGGED, "between": Status.INCOMPLETE}
    status = Status.INCOMPLETE if inside else endings[stage]
    return Reading(join(deltas), status, reflection + 1)


def _opens(piece: str, inside: list[Section], stage: str, *, recover: bool) -> Section | None:
    where = inside[-1] if inside else None
    if piece == "<thinking>" and where is None and stage != "done":
        return Section.THINKING
    if piece == "<reflection>" and where is Section.THINKING:
        return Section.REFLECTION
    if piece == "<output>" and stage != "done" and where is not Section.OUTPUT:
        is_legal = where is None and stage == "between"
        return Section.OUTPUT if is_legal or recover else None
    return None


def _closes(piece: str, inside: list[Section], *, recover: bool) -> int:
    """Return how many of the open sections the piece closes."""
    names = [f"</{section}>" for section in reversed(inside)]
    if names and piece == names[0]:
        return 1
    return len(names) if recover and piece == "</thinking>" and piece in names else 0


def _trimmed(text: str, trim: Trim, *, is_at_tag: bool) -> str:
    if trim == "strip":
        return text.strip(BLANK)
    if trim == "newline":
        text = re.sub(r"\A\r?\n", "", text)
        return re.sub(r"\r?\n\Z", "", text) if is_at_tag else text
    return text
