"""The prompts a judge is given: our own words, in the files of `prompts/`, and their hash."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.question import sha256_of

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent / "prompts"
NAMES = ("system", "pairwise", "rating", "reminder")


def render(name: str, **values: Any) -> str:
    """Fill in the prompt of that name; values are never read as a template."""
    return _template(name).render(**values).strip()


def prompts_sha256() -> str:
    """Hash the texts of all prompts."""
    return sha256_of({name: _text(name) for name in NAMES})


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    # not HTML: eval.judges.quoting keeps texts in their place
    plain = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return plain.from_string(_text(name))


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")
