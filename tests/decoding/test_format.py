"""The reply format: names, the strict reading of a whole reply, and its writing."""

from __future__ import annotations

from itertools import product

import pytest

from decoding.format import FormatError, Reply, ReplyFormat, Section
from tests.decoding.judge import is_well_formed

FORMAT = ReplyFormat()
TEXT = (
    "<thinking>\nA\n<reflection>B</reflection>\nC\n</thinking>\n"
    "<thinking></thinking><output>42</output>"
)


def is_parsed(text: str, format: ReplyFormat) -> bool:
    try:
        reply = Reply.parse(text, format)
    except FormatError:
        return False
    assert Reply.parse(reply.render(format), format) == reply
    return True


def test_the_six_tags_are_the_opening_ones_then_the_closing_ones() -> None:
    assert ReplyFormat("t", "r", "o").tags == ("<t>", "<r>", "<o>", "</t>", "</r>", "</o>")


@pytest.mark.parametrize("name", ["", "1a", "-a", "a b", "a>", "<a", "/a", "é", "a\n", "a/"])
@pytest.mark.parametrize("field", ["thinking", "reflection", "output"])
def test_a_name_that_is_no_tag_name_is_refused(field: str, name: str) -> None:
    with pytest.raises(FormatError, match=f"the tag name of {field} must be a letter"):
        ReplyFormat.from_dict({field: name})


def test_a_name_that_is_no_string_is_refused() -> None:
    with pytest.raises(FormatError, match="the tag name of output"):
        ReplyFormat.from_dict({"output": 1})


@pytest.mark.parametrize("name", ["a", "A9", "a.b", "a-b_c:d", "think", "Thinking"])
def test_letters_digits_and_four_signs_make_a_name(name: str) -> None:
    assert ReplyFormat(thinking=name).open(Section.THINKING) == f"<{name}>"
    assert ReplyFormat(thinking=name).close(Section.THINKING) == f"</{name}>"


def test_two_equal_names_are_refused() -> None:
    with pytest.raises(FormatError, match="must differ"):
        ReplyFormat("a", "b", "a")


@pytest.mark.parametrize("max_blank", [-1, 65, 1.0, True, "8", None])
def test_a_blank_cap_outside_its_range_is_refused(max_blank: object) -> None:
    with pytest.raises(FormatError, match="max_blank must be an integer of 0 to 64"):
        ReplyFormat.from_dict({"max_blank": max_blank})


def test_the_json_form_builds_the_same_format() -> None:
    format = ReplyFormat("t", "r", "o", 3)
    assert ReplyFormat.from_dict(format.to_dict()) == format
    assert ReplyFormat.from_dict({}) == FORMAT


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(FormatError, match=r"unknown format keys \['answer'\]"):
        ReplyFormat.from_dict({"answer": "a"})


def test_a_whole_reply_is_cut_into_sections_verbatim() -> None:
    reply = Reply.parse(TEXT, FORMAT)
    assert reply.sections == (
        (Section.THINKING, "\nA\n"),
        (Section.REFLECTION, "B"),
        (Section.THINKING, "\nC\n"),
        (Section.THINKING, ""),
        (Section.OUTPUT, "42"),
    )
    assert reply.answer == "42"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends without </output>"),
        ("42", "ends without </output>"),
        ("<thinking></thinking><output>a", "ends without </output>"),
        ("<output>a</output>", "<output> is not legal at character 0"),
        (" <thinking></thinking><output>a</output>", "at most 0 blank"),
        ("<thinking></thinking>x<output>a</output>", "at most 8 blank"),
        ("<thinking></thinking>" + " " * 9 + "<output>a</output>", "at most 8 blank"),
        ("<thinking></thinking><output>\n\t</output>", "the output section is blank"),
        ("<thinking></thinking><output>a</output>\n", "text follows </output> at character 39"),
        ("<thinking><thinking>", "<thinking> is not legal at character 10"),
        ("<thinking></reflection>", "</reflection> is not legal"),
        ("<thinking><reflection></thinking>", "</thinking> is not legal"),
        ("<thinking></thinking><output>a</output><thinking>", "<thinking> is not legal"),
    ],
)
def test_a_reply_that_leaves_the_format_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Reply.parse(text, FORMAT)


@pytest.mark.parametrize(("head", "tail", "longest"), [("", "", 4), ("<t>", "</o>", 5)])
def test_every_short_sequence_of_tags_is_parsed_if_and_only_if_it_is_well_formed(
    head: str, tail: str, longest: int
) -> None:
    format = ReplyFormat("t", "r", "o", max_blank=1)
    pieces = (*format.tags, "a", " ")
    for inner in (
        inner for length in range(longest + 1) for inner in product(pieces, repeat=length)
    ):
        text = "".join((head, *inner, tail))
        assert is_parsed(text, format) == is_well_formed(text.encode(), ("t", "r", "o"), 1)


@pytest.mark.parametrize("max_blank", [0, 1, 8])
def test_a_parsed_reply_can_be_written_in_any_format(max_blank: int) -> None:
    reply = Reply.parse(TEXT, FORMAT)
    format = ReplyFormat("a.b", "a", "c", max_blank)
    assert Reply.parse(reply.render(format), format) == reply


def test_sections_that_make_no_reply_are_not_rendered() -> None:
    for sections in [
        ((Section.THINKING, "a"), (Section.OUTPUT, "x</output>y")),
        ((Section.THINKING, "a"), (Section.OUTPUT, " ")),
        ((Section.OUTPUT, "x"),),
        (),
    ]:
        with pytest.raises(FormatError):
            Reply(sections).render(ReplyFormat())
