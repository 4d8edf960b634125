"""The prompts of the teacher: our own words, in the files of `prompts/`, each with its version.

The criteria are those of *Reflection-Tuning* (https://arxiv.org/abs/2310.11716), section 3, and
*Selective Reflection-Tuning* (https://arxiv.org/abs/2402.10110), section 3.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from client.turn import Message
from train.sample import Sample

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent / "prompts"
SYSTEM, INSTRUCTION, RESPONSE = "system_1", "instruction_1", "response_1"  # a changed text: _2


def render(name: str, sample: Sample) -> list[Message]:
    """Return the conversation that asks for a reflection; texts are never read as a template."""
    asked = _template(name).render(
        instruction=sample.instruction, input=sample.input, response=sample.response
    )
    return [
        {"role": "system", "content": text(SYSTEM).strip()},
        {"role": "user", "content": asked.strip()},
    ]


@cache
def text(name: str) -> str:
    """Return the file of that name."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    plain = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
    return plain.from_string(text(name))
