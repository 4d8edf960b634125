"""The two parts of a reply: the head, up to the opened output, and the answer that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from decoding.byte_dfa import LESS_THAN, ByteDfa, DfaBuilder, Phase
from decoding.format import BLANK, ReplyFormat, Section

BLANK_BYTES = BLANK.encode()


def head_part(format: ReplyFormat) -> ByteDfa:
    """Return the part from the first byte to the one that completes the output's opening tag."""
    builder = DfaBuilder(format)
    open_thinking, open_output, open_reflection = (
        format.open(s).encode() for s in (Section.THINKING, Section.OUTPUT, Section.REFLECTION)
    )
    start = builder.state(Phase.START)
    between = builder.state(Phase.BETWEEN, 0)
    thinking = builder.state(Phase.THINKING)
    reflection = builder.state(Phase.REFLECTION)
    opened = builder.state(Phase.OUTPUT_BLANK)
    _add_literal(builder, Phase.START, open_thinking, start, thinking)
    if format.is_thinking_optional:  # counts as a close: no required reflection may be missing
        _add_literal(builder, Phase.START, open_output, start, opened, closes=1)
    less_than = _add_blank(builder, format.max_blank)
    for tag, target in ((open_thinking, thinking), (open_output, opened)):
        _add_literal(builder, Phase.BETWEEN, tag, less_than, target, skipped=1)
    builder.add_text(
        Phase.THINKING,
        {
            format.close(Section.THINKING).encode(): (between, 0, 1),
            open_reflection: (reflection, 1, 0),
        },
    )
    builder.add_text(
        Phase.REFLECTION, {format.close(Section.REFLECTION).encode(): (thinking, 0, 0)}
    )
    return builder.build(start, opened)


@lru_cache(maxsize=16)
def free_answer(format: ReplyFormat) -> ByteDfa:
    """Return the part from the opened output to the closed one, for any text that is not blank."""
    builder = DfaBuilder(format)
    closing = format.close(Section.OUTPUT).encode()
    start = builder.state(Phase.OUTPUT_BLANK)
    closed = builder.state(Phase.END)
    no_moves: Mapping[bytes, tuple[int, int, int]] = {}
    builder.add_text(
        Phase.OUTPUT_BLANK, no_moves, forbidden=frozenset({closing}), solid=Phase.OUTPUT
    )
    builder.add_text(Phase.OUTPUT, {closing: (closed, 0, 0)})
    return builder.build(start, closed)


def _add_literal(
    builder: DfaBuilder,
    phase: Phase,
    tag: bytes,
    source: int,
    target: int,
    *,
    skipped: int = 0,
    closes: int = 0,
) -> None:
    """Spell a tag byte by byte from `source`, which stands after its first `skipped` bytes."""
    for end in range(skipped, len(tag)):
        is_last = end + 1 == len(tag)
        after = target if is_last else builder.state(phase, tag[: end + 1])
        builder.edge(source, tag[end], after, 0, closes if is_last else 0)
        source = after


def _add_blank(builder: DfaBuilder, max_blank: int) -> int:
    """Count the blank bytes after a closed thinking block; return the state of the next `<`."""
    less_than = builder.state(Phase.BETWEEN, b"<")
    for count in range(max_blank + 1):
        state = builder.state(Phase.BETWEEN, count)
        if count < max_blank:
            for byte in BLANK_BYTES:
                builder.edge(state, byte, builder.state(Phase.BETWEEN, count + 1))
        builder.edge(state, LESS_THAN, less_than)
    return less_than
