"""Clients' texts come back from markers wherever a template has put them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.prompts.client_text import EDGE, ClientTexts


def pieces(texts: ClientTexts, rendered: str) -> list[tuple[str, bool]]:
    return [(piece.text, piece.is_template) for piece in texts.pieces(rendered) if piece.text]


def test_a_text_is_found_again_and_told_from_the_template_s() -> None:
    texts = ClientTexts()
    rendered = f"[{texts.mark('a')}|{texts.mark('b')}|{texts.mark('a')}]"
    assert pieces(texts, rendered) == [
        ("[", True),
        ("a", False),
        ("|", True),
        ("b", False),
        ("|", True),
        ("a", False),
        ("]", True),
    ]


def test_a_text_that_looks_like_a_marker_is_not_replaced() -> None:
    texts = ClientTexts()
    marker = texts.mark("a")
    assert pieces(texts, texts.mark(marker)) == [(marker, False)]


def test_equal_texts_have_equal_markers_so_that_templates_can_compare_them() -> None:
    texts = ClientTexts()
    assert texts.mark("a") == texts.mark("a") != texts.mark("b")


def test_trimming_is_found_out_on_either_side() -> None:
    texts = ClientTexts()
    marker = texts.mark(" a ")
    assert pieces(texts, marker.lstrip(EDGE)) == [("a ", False)]
    assert pieces(texts, marker.rstrip(EDGE)) == [(" a", False)]


@pytest.mark.parametrize(
    "value",
    [
        {},
        "text",
        {"type": "object", "properties": {"<|eot_id|>": {"type": "string", "x": [1, None, "é"]}}},
        [True, 1.5, {"": '\\"\n'}],
    ],
)
def test_json_is_written_with_the_texts_themselves(value: Any) -> None:
    texts = ClientTexts()
    marked = texts.mark_all(value)
    for options in ({}, {"indent": 4}, {"ensure_ascii": False, "sort_keys": True}):
        written = texts.to_json(marked, **options)
        assert "".join(piece.text for piece in texts.pieces(written)) == json.dumps(
            value, **options
        )


def test_what_is_made_of_clients_texts_is_a_client_s_and_the_rest_the_template_s() -> None:
    texts = ClientTexts()
    assert pieces(texts, texts.to_json({"a": texts.mark("<")})) == [('{"a": "<"}', False)]
    assert pieces(texts, texts.to_json({"a": "<"})) == [('{"a": "<"}', True)]


def test_the_words_of_schemas_stay_themselves_and_all_others_are_marked() -> None:
    texts = ClientTexts()
    marked = texts.mark_all({"type": "string", "description": "string", "enum": ["other"]})
    assert marked == {"type": "string", "description": "string", "enum": [texts.mark("other")]}
