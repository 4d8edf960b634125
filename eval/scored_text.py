"""The part of a reply in which an answer is looked for: never its thoughts."""

from __future__ import annotations

import re

NAMES = ("thinking", "reflection", "think")
ANY_CASE = re.IGNORECASE | re.ASCII
THOUGHTS = re.compile(rf"<(/?)({'|'.join(NAMES)})>", ANY_CASE)
CLOSING = {name: re.compile(f"</{name}>", ANY_CASE) for name in NAMES}
OUTPUT = re.compile(r"<output>(.*?)(?:</output>|\Z)", ANY_CASE | re.DOTALL)


def scored_text(content: str) -> str:
    """Return the last output section; without one, what follows the last thoughts.

    Thoughts are `<thinking>`, `<reflection>` and, of other models, `<think>`: whatever stands in
    one is thought, an output section too, until its own closing tag. Text before a closing tag
    that nothing opened is thought as well: some models are prompted with the opening one. An
    output section that is not closed runs to the end; a reply that ends in its thoughts and has
    no output before them leaves nothing. Tags may be in capitals. Time is linear.

    Law: `<thinking>t</thinking>` before a reply changes nothing, whatever t (without its end).
    """
    said, _ = _split(content)
    outputs: list[str] = OUTPUT.findall("".join(said))
    return outputs[-1] if outputs else said[-1]


def is_truncated(content: str) -> bool:
    """Whether the reply ends inside its thoughts."""
    return _split(content)[1]


def _split(content: str) -> tuple[list[str], bool]:
    """Return what stands before, between and after the thoughts, and whether they are open."""
    said: list[str] = []
    start = 0
    while tag := THOUGHTS.search(content, start):
        if tag[1]:
            said, start = [], tag.end()
            continue
        said.append(content[start : tag.start()])
        closing = CLOSING[tag[2].lower()].search(content, tag.end())
        if closing is None:
            return [*said, ""], True
        start = closing.end()
    return [*said, content[start:]], False
