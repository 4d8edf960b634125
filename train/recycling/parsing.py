"""Reading a teacher's reply: the text between two markers, each once and alone on its line.

Nothing is guessed. A reply with a marker missing, repeated, out of order or with nothing between
has status parse_failed and the reason; the text itself may hold any word, "End" included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from client.turn import Turn
from train.recycling.status import Status

NEW_INSTRUCTION, NEW_ANSWER, BETTER_ANSWER = "New Instruction", "New Answer", "Better Answer"
MARKER = re.compile(r"^[ \t]*(?:#+[ \t]*|\*\*)?\[([A-Za-z ]+)\](?:\*\*)?:?[ \t]*\r?$", re.MULTILINE)
THOUGHT = re.compile(r"\A\s*<(think|thinking)>.*?</\1>", re.DOTALL)
REFUSAL = re.compile(
    r"\A\W*(?:(?:i['’]?m|i am) (?:very |really |so )?(?:sorry|afraid)|sorry\b|"
    r"i (?:can(?:no|['’])t|can not|won['’]t|will not|am unable to|am not able to)\b|"
    r"as an ai\b[^.]*\b(?:can(?:no|['’])t|unable|not able))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The texts of the blocks asked for, in that order, and the criticism before them.

    reason: why there are none, where the status is not OK
    """

    status: Status
    texts: tuple[str, ...] = ()
    criticism: str = ""
    reason: str = ""


def parse(turn: Turn, blocks: Sequence[str]) -> Parsed:
    """Read the blocks of those names; all of them or none."""
    reply = THOUGHT.sub("", turn.content)
    if turn.finish_reason == "content_filter":
        return Parsed(Status.REFUSED, reason="the endpoint's filter")
    wanted = [name for block in blocks for name in (block, f"End of {block}")]
    known = {name.casefold(): name for name in wanted}
    found = [match for match in MARKER.finditer(reply) if match[1].casefold() in known]
    if [known[match[1].casefold()] for match in found] != wanted:
        return _failed(turn, reply, [known[match[1].casefold()] for match in found], wanted)
    pairs = zip(found[::2], found[1::2], strict=True)
    texts = tuple(reply[first.end() : last.start()].strip() for first, last in pairs)
    if not all(texts):
        return Parsed(Status.PARSE_FAILED, reason=f"nothing in [{blocks[texts.index('')]}]")
    return Parsed(Status.OK, texts, reply[: found[0].start()].strip())


def _failed(turn: Turn, reply: str, found: Sequence[str], wanted: Sequence[str]) -> Parsed:
    """Say why the markers are not those wanted."""
    if turn.finish_reason == "length":
        return Parsed(Status.TRUNCATED, reason="the reply broke off at max_tokens")
    if not found and REFUSAL.match(reply):
        return Parsed(Status.REFUSED, reason="the reply is a refusal")
    for name in wanted:
        if name not in found:
            return Parsed(Status.PARSE_FAILED, reason=f"[{name}] is missing")
        if found.count(name) > 1:
            return Parsed(Status.PARSE_FAILED, reason=f"[{name}] comes {found.count(name)} times")
    return Parsed(Status.PARSE_FAILED, reason=f"[{found[0]}] first: the markers are out of order")
