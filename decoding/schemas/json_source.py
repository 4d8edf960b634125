"""The source of a constraint: its JSON text, of bounded size."""

from __future__ import annotations

import json
from typing import Any

from decoding.grammars.grammar import GrammarError

MAX_CHARACTERS = 1_000_000


def canonical(demanded: Any) -> str:
    """Return compact JSON, the keys in their order."""
    try:
        source = json.dumps(demanded, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise GrammarError(f"expected a constraint that can be written as JSON: {error}") from error
    _check_size(source)
    return source


def parsed(text: str) -> Any:
    """Read JSON text; one that is too large is refused before it is read."""
    _check_size(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GrammarError(f"expected a constraint in JSON: {error}") from error


def _check_size(source: str) -> None:
    if len(source) > MAX_CHARACTERS:
        raise GrammarError(
            f"expected a constraint of at most {MAX_CHARACTERS:,} characters of JSON, "
            f"came {len(source):,}: shorten it"
        )
