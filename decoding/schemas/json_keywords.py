"""The keywords of JSON Schema: which are enforced, which are annotations, and which are refused.

Draft 2020-12, and the spellings of draft 7 that people send. A schema that names its draft is
refused where that draft reads it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeAlias

from decoding.grammars.grammar import GrammarError

Check: TypeAlias = Callable[[Any], bool]

MAX_COUNT = 10_000
TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping | bool)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_schema, value))


def _is_some_schemas(value: Any) -> bool:
    return _is_schemas(value) and bool(value)


def _is_named_schemas(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_schema, value.values()))


def _is_number(value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer or (isinstance(value, float) and isfinite(value))


def _is_step(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_least(value: Any) -> bool:
    return _is_count(value) and value <= MAX_COUNT


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    return value in TYPES if isinstance(value, str) else _is_names(value) and {*value} <= {*TYPES}


SCHEMA = ("a schema, an object or a boolean", _is_schema)
SOME_SCHEMAS = ("a list of schemas, at least one", _is_some_schemas)
NAMED_SCHEMAS = ("an object of schemas", _is_named_schemas)
NUMBER = ("a finite number", _is_number)
MOST = ("a count, a whole number of at least 0", _is_count)
LEAST = (f"a count from 0 to {MAX_COUNT:,}", _is_least)
STRING = ("a string", lambda value: isinstance(value, str))

ENFORCED: Mapping[str, tuple[str, Check]] = {
    "$ref": STRING,
    "type": (f"one of {', '.join(TYPES)}, or a list of them", _is_type),
    "enum": ("a list of values", lambda value: isinstance(value, list)),
    "const": ("a value", lambda _: True),
    "allOf": SOME_SCHEMAS,
    "anyOf": SOME_SCHEMAS,
    "oneOf": SOME_SCHEMAS,
    "properties": NAMED_SCHEMAS,
    "patternProperties": NAMED_SCHEMAS,
    "additionalProperties": SCHEMA,
    "propertyNames": SCHEMA,
    "required": ("a list of names", _is_names),
    "minProperties": LEAST,
    "maxProperties": MOST,
    "items": ("a schema or a list of schemas", lambda v: _is_schema(v) or _is_schemas(v)),
    "prefixItems": SOME_SCHEMAS,
    "additionalItems": SCHEMA,
    "minItems": LEAST,
    "maxItems": MOST,
    "uniqueItems": ("a boolean", lambda value: isinstance(value, bool)),
    "minLength": LEAST,
    "maxLength": MOST,
    "pattern": STRING,
    "format": STRING,
    "minimum": NUMBER,
    "maximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "exclusiveMaximum": NUMBER,
    "multipleOf": ("a number above 0", _is_step),
}

ANNOTATIONS = frozenset(
    (
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly"),
        *("writeOnly", "nullable", "discriminator", "externalDocs", "xml", "contentEncoding"),
        *("contentMediaType", "contentSchema", "$schema", "$id", "$comment", "$defs"),
        *("definitions", "$anchor", "$vocabulary"),
    )
)
"""Of these `nullable` is OpenAPI 3.0's: null is not written, which both readings permit."""

REFUSED: Mapping[str, str] = {
    "not": "describe what is permitted instead",
    "if": "use anyOf",
    "then": "use anyOf",
    "else": "use anyOf",
    "dependentRequired": "use anyOf",
    "dependentSchemas": "use anyOf",
    "dependencies": "use anyOf",
    "contains": "use prefixItems",
    "minContains": "use prefixItems",
    "maxContains": "use prefixItems",
    "unevaluatedItems": "use items",
    "unevaluatedProperties": "use additionalProperties",
    "$dynamicRef": "use $ref",
    "$dynamicAnchor": "use $ref",
    "$recursiveRef": "use $ref",
    "$recursiveAnchor": "use $ref",
}

OLD_DRAFT = re.compile(r"https?://json-schema\.org/draft-0[4-7]/schema#?")
NEW_DRAFT = re.compile(r"https?://json-schema\.org/draft/2020-12/schema#?")
REFUSED_FORMATS = frozenset(("uri-template", "json-pointer", "relative-json-pointer", "regex"))


def check(schema: Mapping[str, Any], pointer: str) -> None:
    """Refuse keywords that are malformed, or that nobody would enforce.

    Raises:
        GrammarError: names the JSON pointer.
    """
    for keyword, value in schema.items():
        if keyword in REFUSED:
            raise GrammarError(
                f"{pointer}/{keyword}: '{keyword}' cannot be enforced; "
                f"remove it or {REFUSED[keyword]}"
            )
        if keyword in ENFORCED:
            expected, is_right = ENFORCED[keyword]
            if not is_right(value):
                raise GrammarError(f"{pointer}/{keyword}: expected {expected}, came {value!a:.60}")
            if keyword == "format" and value in REFUSED_FORMATS:
                raise GrammarError(
                    f"{pointer}/format: '{value}' cannot be enforced; remove it or use pattern"
                )
        elif keyword not in ANNOTATIONS and not keyword.startswith("x-"):
            raise GrammarError(
                f"{pointer}/{keyword:.60}: '{keyword:.60}' is no known keyword and would not be "
                "enforced; remove it, or begin its name with x-"
            )


def check_draft(schema: Mapping[str, Any], pointer: str, draft: Any) -> None:
    """Refuse what the draft, a document's `$schema`, reads in another way than all are read here.

    Raises:
        GrammarError: names the JSON pointer.
    """
    if not isinstance(draft, str):
        return
    if OLD_DRAFT.fullmatch(draft):
        if "prefixItems" in schema:
            raise GrammarError(
                f"{pointer}/prefixItems: the draft in '$schema' has no 'prefixItems'; "
                "write the list under items"
            )
        if "$ref" in schema:
            _check_alone(schema, pointer)
    elif NEW_DRAFT.fullmatch(draft) and isinstance(schema.get("items"), list):
        raise GrammarError(
            f"{pointer}/items: the draft in '$schema' has no list of 'items'; use prefixItems"
        )


def _check_alone(schema: Mapping[str, Any], pointer: str) -> None:
    """Refuse what an old draft ignores beside a `$ref`."""
    beside = next((word for word in schema if word in ENFORCED and word != "$ref"), None)
    if beside is not None:
        raise GrammarError(
            f"{pointer}/{beside}: the draft in '$schema' ignores '{beside}' beside '$ref'; "
            "remove it or put both into allOf"
        )
