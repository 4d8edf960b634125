"""The JSON schema of a Python type, as pydantic writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decoding.grammars.grammar import GrammarError

PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string"}


def schema_of(type_: Any) -> Mapping[str, Any]:
    """Return the schema of a builtin, or, where pydantic is installed, of any type that it knows.

    Models, dataclasses, typed dicts, unions, lists, dates and more.
    """
    for plain, name in PLAIN.items():
        if type_ is plain:
            return {"type": name}
    try:
        from pydantic import PydanticUserError, TypeAdapter
    except ImportError as error:
        raise GrammarError(f"expected pydantic installed to read {type_!r:.80}") from error
    try:
        if isinstance(type_, str):
            raise TypeError("a string is not a type")  # pydantic would evaluate it
        return TypeAdapter(type_).json_schema()
    except (PydanticUserError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise GrammarError(
            f"expected a JSON schema or a type that pydantic knows, came {type_!r:.80} ({reason}): "
            "for a pattern or a list of texts use AnswerConstraint.regex or .choice"
        ) from error
