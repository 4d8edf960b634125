"""The stream parser: the edge cases of a reply, each read in every split of one and two cuts."""

from __future__ import annotations

import tracemalloc

import pytest

from decoding.automaton import Automaton
from decoding.budget import Budget
from decoding.format import ReplyFormat, Section
from decoding.matcher import Matcher
from decoding.parser import Delta, ReplyParser, Status
from decoding.passage import Trim
from decoding.vocabulary import Vocabulary
from tests.decoding.conftest import STOP
from tests.decoding.splits import BYTES, Reading, join, read, read_in_every_split, read_tokens

THINKING, REFLECTION, OUTPUT = Section.THINKING, Section.REFLECTION, Section.OUTPUT
UNTAGGED, TRAILING = Section.UNTAGGED, Section.TRAILING
FORMAT = ReplyFormat()
HEAD = "<thinking>a</thinking>\n"


def answer(output: str | bytes) -> str:
    """Return the answer of a complete reply with this output, after asserting every split."""
    text = output.encode() if isinstance(output, str) else output
    reading = read_in_every_split(b"<thinking></thinking><output>" + text + b"</output>")
    assert reading.status is Status.COMPLETE
    assert {section for section, _ in reading.texts} <= {OUTPUT}
    return reading.answer


def untagged(text: str | bytes) -> str:
    """Return the text of a reply without tags, after asserting every split."""
    reading = read_in_every_split(text)
    assert reading.status is Status.UNTAGGED
    assert [section for section, _ in reading.texts] == [UNTAGGED]
    return reading.texts[0][1]


def parse_tokens(*tokens: bytes | None) -> tuple[ReplyParser, list[list[Delta]]]:
    """Feed tokens one by one; return the parser and the deltas of each, the flush's last."""
    parser = ReplyParser(FORMAT, Vocabulary(tokens))
    deltas = [parser.feed([token_id]) for token_id in range(len(tokens))]
    return parser, [*deltas, parser.flush()]


def test_a_whole_reply_is_read_by_section() -> None:
    reply = (
        "<thinking>\nA\n<reflection>B</reflection>\nC\n</thinking>\n"
        "<thinking>D<reflection>\nE\n</reflection></thinking>\n<output>42</output>"
    )
    assert read_in_every_split(reply) == Reading(
        (
            (THINKING, 0, "A"),
            (REFLECTION, 0, "B"),
            (THINKING, 0, "C"),
            (THINKING, 1, "D"),
            (REFLECTION, 1, "E"),
            (OUTPUT, 0, "42"),
        ),
        Status.COMPLETE,
        num_reflections=2,
    )


@pytest.mark.parametrize(
    "tag",
    [
        ["<out", "put>"],
        ["<", "output", ">"],
        ["<", "o", "ut", "p", "u", "t", "", "", "", "", ">"],
    ],
)
def test_01_a_tag_split_over_two_three_or_eleven_chunks_is_one_tag(tag: list[str]) -> None:
    reading = read([HEAD, *tag, "42</output>"])
    assert reading == read_in_every_split(HEAD + "<output>42</output>")
    assert reading.texts == [(THINKING, "a"), (OUTPUT, "42")]


def test_02_a_less_than_at_the_end_of_a_chunk_is_held_back_until_text_follows() -> None:
    parser = ReplyParser(FORMAT, prefix=HEAD + "<output>")
    assert parser.feed_text("1 <") == [Delta(OUTPUT, "1 ")]
    assert parser.feed_text("/") == []
    assert parser.feed_text(" 2") == [Delta(OUTPUT, "</ 2")]
    assert answer("1 < 2") == "1 < 2"


def test_02_only_a_tag_that_is_legal_there_is_waited_for() -> None:
    parser = ReplyParser(FORMAT, prefix=HEAD + "<output>")
    assert parser.feed_text("<thi") == [Delta(OUTPUT, "<thi")]


def test_03_an_unfinished_closing_tag_is_text_when_the_reply_ends() -> None:
    reading = read_in_every_split(HEAD + "<output>42</output")
    assert reading.texts == [(THINKING, "a"), (OUTPUT, "42</output")]
    assert reading.status is Status.INCOMPLETE


def test_04_a_closing_tag_with_a_space_in_it_is_text() -> None:
    assert answer("a</output >b") == "a</output >b"


@pytest.mark.parametrize(
    ("opening", "before"), [("<<output>", "<"), ("<out<output>", "<out"), ("</<output>", "</")]
)
def test_05_a_tag_begins_at_the_last_less_than(opening: str, before: str) -> None:
    reading = read_in_every_split(f"{HEAD}{opening}42<</out</output>")
    assert reading.texts == [(THINKING, "a"), (UNTAGGED, before), (OUTPUT, "42<</out")]


def test_05_a_closing_tag_after_half_of_itself_closes() -> None:
    assert answer("a</") == "a</"


@pytest.mark.parametrize("text", ["<out", "a <thinking b", "< output >", "<output", "<>"])
def test_06_text_that_looks_like_a_tag_is_text(text: str) -> None:
    assert answer(text) == text
    assert untagged(text) == text


@pytest.mark.parametrize("tag", ["<Output>", "</OUTPUT>", "<THINKING>"])
def test_07_a_tag_in_other_letters_is_text(tag: str) -> None:
    assert answer(tag) == tag
    assert untagged(tag) == tag


def test_08_an_html_output_element_is_text() -> None:
    assert answer('<output for="a">1') == '<output for="a">1'


def test_09_a_bare_output_element_in_the_answer_ends_it_at_its_closing_tag() -> None:
    fence = "```html\n<output>7</output>\n```"
    reading = read_in_every_split(HEAD + f"<output>{fence}</output>")
    assert reading.answer == "```html\n<output>7"
    assert reading.texts[-1] == (TRAILING, "```</output>")
    assert reading.status is Status.COMPLETE


def test_10_escaped_tags_stay_as_they_are() -> None:
    assert answer("&lt;output&gt;&lt;/output&gt;") == "&lt;output&gt;&lt;/output&gt;"


@pytest.mark.parametrize("trim", ["newline", "strip", "none"])
def test_11_a_character_cut_at_any_byte_is_whole(trim: Trim) -> None:
    reading = read_in_every_split("<thinking>😀</thinking><output>é😀</output>", trim=trim)
    assert reading.texts == [(THINKING, "😀"), (OUTPUT, "é😀")]


def test_11_no_delta_ends_within_a_character() -> None:
    parser = ReplyParser(FORMAT, prefix=HEAD + "<output>")
    deltas = [parser.feed_text(bytes([byte])) for byte in "x😀".encode()]
    assert deltas == [[Delta(OUTPUT, "x")], [], [], [], [Delta(OUTPUT, "😀")]]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (b"\x80", "\ufffd"),
        (b"a\xe2\x82", "a\ufffd"),
        (b"\xf0", "\ufffd"),
        (b"\xff\xfe", "\ufffd" * 2),
    ],
)
def test_12_a_wrong_byte_or_half_a_character_before_a_tag_is_replaced(
    wrong: bytes, text: str
) -> None:
    assert answer(wrong) == text
    assert answer(wrong + b"\n") == text
    assert answer(wrong + b" b") == text + " b"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xc0\xaf", "\ufffd" * 2),
        (b"\xe0\x80\x80", "\ufffd" * 3),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"\xf4\x90\x80\x80", "\ufffd" * 4),
        ("\ufffd".encode(), "\ufffd"),
    ],
)
def test_13_overlong_forms_and_surrogates_are_replaced(data: bytes, text: str) -> None:
    assert answer(data) == text


def test_13_a_surrogate_in_a_string_is_replaced_as_its_bytes_are() -> None:
    parser = ReplyParser(FORMAT, prefix=HEAD + "<output>")
    assert join([*parser.feed_text("\ud83d"), *parser.flush()]) == ((OUTPUT, 0, "\ufffd" * 3),)


def test_14_a_byte_order_mark_before_the_first_tag_is_untagged_text() -> None:
    reading = read_in_every_split("\ufeff<thinking>a</thinking><output>b</output>")
    assert reading.texts == [(UNTAGGED, "\ufeff"), (THINKING, "a"), (OUTPUT, "b")]
    assert reading.status is Status.COMPLETE


def test_14_control_characters_are_text() -> None:
    assert answer("\0a\x1b[0m\x7f\ufeff\v\f") == "\0a\x1b[0m\x7f\ufeff\v\f"


@pytest.mark.parametrize(
    ("trim", "thinking", "output"),
    [
        ("newline", "\r\na\r\r\n", "\t 4\n2\n "),
        ("strip", "a", "4\n2"),
        ("none", "\r\n\r\na\r\r\n\r\n", "\t 4\n2\n "),
    ],
)
def test_15_one_newline_next_to_a_tag_is_format(trim: Trim, thinking: str, output: str) -> None:
    reply = "<thinking>\r\n\r\na\r\r\n\r\n</thinking>\r\n\t<output>\t 4\n2\n </output>"
    assert read_in_every_split(reply, trim=trim).texts == [(THINKING, thinking), (OUTPUT, output)]


@pytest.mark.parametrize("text", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
def test_15_a_passage_of_newlines_that_are_format_is_empty(text: str) -> None:
    assert answer(text) == ""


@pytest.mark.parametrize(("text", "kept"), [("\r", "\r"), ("\n\r", "\r"), ("\r\r\n", "\r")])
def test_15_a_lone_carriage_return_is_text(text: str, kept: str) -> None:
    assert answer(text) == kept


@pytest.mark.parametrize("blanks", ["\t \r\n", " " * 9])
def test_15_blanks_between_sections_are_dropped_however_many(blanks: str) -> None:
    reading = read_in_every_split(f"<thinking>a</thinking>{blanks}<output>b</output>")
    assert reading.texts == [(THINKING, "a"), (OUTPUT, "b")]


def test_15_newlines_stay_where_the_reply_ends_without_a_tag() -> None:
    reading = read_in_every_split(HEAD + "<output>\na\r\n")
    assert reading.answer == "a\r\n"
    assert read_in_every_split(HEAD + "<output>\na\r\n", trim="strip").answer == "a"


def test_16_text_between_the_sections_is_untagged() -> None:
    reading = read_in_every_split("<thinking>a</thinking>\n so  then \n<output>b</output>")
    assert reading.texts == [(THINKING, "a"), (UNTAGGED, "so  then"), (OUTPUT, "b")]
    assert reading.status is Status.COMPLETE


def test_17_a_second_thinking_block_has_the_next_number() -> None:
    reading = read_in_every_split(HEAD + "<thinking>b</thinking><output>c</output>")
    assert reading.runs == ((THINKING, 0, "a"), (THINKING, 1, "b"), (OUTPUT, 0, "c"))


@pytest.mark.parametrize("recover", [False, True])
def test_17_a_thinking_block_after_the_output_is_trailing(recover: bool) -> None:
    reply = HEAD + "<output>b</output><thinking>c</thinking>"
    reading = read_in_every_split(reply, recover=recover)
    assert reading.texts[1:] == [(OUTPUT, "b"), (TRAILING, "<thinking>c</thinking>")]


def test_18_a_reflection_in_a_reflection_is_text() -> None:
    reply = "<thinking><reflection>a<reflection>b</reflection>c</reflection></thinking>"
    reading = read_in_every_split(reply)
    assert reading.texts == [(REFLECTION, "a<reflection>b"), (THINKING, "c</reflection>")]
    assert reading.num_reflections == 1


def test_18_a_reflection_in_the_output_is_text() -> None:
    assert answer("a<reflection>b</reflection>") == "a<reflection>b</reflection>"


def test_18_a_closing_reflection_tag_without_opening_is_text() -> None:
    reading = read_in_every_split("<thinking>a</reflection>b")
    assert reading.texts == [(THINKING, "a</reflection>b")]


def test_19_a_closing_thinking_tag_in_a_reflection_is_text_or_closes_both() -> None:
    reply = "<thinking>a<reflection>b</thinking><output>c</output>"
    literal = read_in_every_split(reply)
    assert literal.texts == [
        (THINKING, "a"),
        (REFLECTION, reply.removeprefix(HEAD[:11] + "<reflection>")),
    ]
    assert literal.status is Status.INCOMPLETE
    recovered = read_in_every_split(reply, recover=True)
    assert recovered.texts == [(THINKING, "a"), (REFLECTION, "b"), (OUTPUT, "c")]
    assert recovered.status is Status.COMPLETE


@pytest.mark.parametrize("reflection", ["", "<reflection>b"])
def test_20_an_opening_output_tag_in_thinking_is_text_or_opens_the_output(reflection: str) -> None:
    reply = f"<thinking>a{reflection}<output>c</output>"
    literal = read_in_every_split(reply)
    assert literal.answer == ""
    assert literal.texts[-1][1].endswith("<output>c</output>")
    assert literal.status is Status.INCOMPLETE
    recovered = read_in_every_split(reply, recover=True)
    assert recovered.answer == "c"
    assert recovered.texts[0] == (THINKING, "a")
    assert recovered.status is Status.COMPLETE


@pytest.mark.parametrize("text", ["42", "a\n\nb", "</output>", "<output>42</output>"])
def test_21_a_reply_without_a_legal_tag_is_untagged_text(text: str) -> None:
    assert untagged(f"\n{text} \n") == text


def test_21_an_output_without_thinking_is_recovered() -> None:
    reading = read_in_every_split("<output>42</output>", recover=True)
    assert reading == Reading(((OUTPUT, 0, "42"),), Status.COMPLETE, 0)


def test_21_a_reply_without_text_is_untagged_and_empty() -> None:
    assert read_in_every_split(" \n") == Reading((), Status.UNTAGGED, 0)


@pytest.mark.parametrize("trim", ["newline", "strip", "none"])
def test_22_empty_sections_yield_no_delta(trim: Trim) -> None:
    reply = "<thinking><reflection></reflection></thinking><output></output>"
    assert read_in_every_split(reply, trim=trim) == Reading((), Status.COMPLETE, 1)


@pytest.mark.parametrize(("trim", "kept"), [("newline", " \t"), ("strip", ""), ("none", " \t")])
def test_22_a_blank_output_closes(trim: Trim, kept: str) -> None:
    reading = read_in_every_split(HEAD + "<output> \t</output>", trim=trim)
    assert reading.answer == kept
    assert reading.status is Status.COMPLETE


def test_23_text_after_the_output_is_trailing_and_never_output() -> None:
    reading = read_in_every_split(HEAD + "<output>b</output> c <output>d</output>\n")
    assert reading.texts[1:] == [(OUTPUT, "b"), (TRAILING, "c <output>d</output>")]
    assert reading.status is Status.COMPLETE


def test_24_a_stop_token_within_a_tag_leaves_its_beginning_as_text() -> None:
    parser, deltas = parse_tokens(b"<thinking></thinking><output>", b"42", b"</out", None)
    assert deltas == [[], [Delta(OUTPUT, "42")], [], [], [Delta(OUTPUT, "</out")]]
    assert parser.status is Status.INCOMPLETE
    assert parser.num_tokens == 4


def test_24_a_stop_token_in_thinking_leaves_a_reply_without_answer() -> None:
    parser, deltas = parse_tokens(b"<thinking>", b"a", None)
    assert deltas == [[], [Delta(THINKING, "a")], [], []]
    assert parser.status is Status.INCOMPLETE
    assert parser.section is None
    assert parser.num_reasoning_tokens == parser.num_tokens == 3


def test_24_a_limit_within_a_character_leaves_a_replacement() -> None:
    assert read_in_every_split(HEAD.encode() + b"<output>a\xf0\x9f").answer == "a\ufffd"


def test_25_a_stop_string_in_thinking_never_shows_in_the_output() -> None:
    reading = read_in_every_split("<thinking>STOP</thinking><output>42 STOP 43</output>")
    assert reading.texts == [(THINKING, "STOP"), (OUTPUT, "42 STOP 43")]


def test_25_a_stop_string_that_begins_a_tag_is_found_only_in_text() -> None:
    assert "</out" not in answer("42")
    assert "</out" in answer("42</outer>")


def test_26_after_a_prefix_the_parser_stands_inside_thinking() -> None:
    parser = ReplyParser(FORMAT, prefix="<thinking>\n")
    assert parser.section is THINKING
    reading = read_in_every_split("a\n</thinking>\n<output>b</output>", prefix="<thinking>\n")
    assert reading.texts == [(THINKING, "a"), (OUTPUT, "b")]


def test_26_a_prefix_may_end_within_a_tag_and_its_text_is_not_the_replys() -> None:
    reading = read_in_every_split("king>b", prefix="<thinking>a</thinking><thin")
    assert reading.runs == ((THINKING, 1, "b"),)


def test_26_a_prefix_counts_no_tokens() -> None:
    parser = ReplyParser(FORMAT, BYTES, prefix="<thinking>a</thinking>\n<output>")
    assert read_tokens(parser, list(b"42</output>")).answer == "42"
    assert parser.num_reasoning_tokens == 0
    assert parser.answer_tokens == range(2)


def test_27_a_token_may_close_one_tag_and_begin_another() -> None:
    tokens = (b"<thinking>a", b"</", b"thinking", b"><", b"output", b'>{"', b'a": 1}', b"</output>")
    parser, deltas = parse_tokens(*tokens)
    assert join(delta for step in deltas for delta in step) == (
        (THINKING, 0, "a"),
        (OUTPUT, 0, '{"a": 1}'),
    )
    assert deltas[5] == [Delta(OUTPUT, '{"')]
    assert parser.num_reasoning_tokens == 6
    assert parser.answer_tokens == range(5, 7)


def test_28_an_escaped_tag_in_json_is_text_and_a_raw_one_closes() -> None:
    assert answer('{"a": "<\\/output>"}') == '{"a": "<\\/output>"}'
    assert answer('"\\u003c/output>"') == '"\\u003c/output>"'
    reading = read_in_every_split(HEAD + '<output>{"a": "</output>"}</output>')
    assert reading.texts[1:] == [(OUTPUT, '{"a": "'), (TRAILING, '"}</output>')]


def test_29_a_special_tokens_text_written_in_bytes_is_text() -> None:
    assert answer("<|eot_id|><|begin_of_text|>") == "<|eot_id|><|begin_of_text|>"


@pytest.mark.parametrize(
    "format",
    [
        ReplyFormat("think", "thinking", "thin"),
        ReplyFormat("thinking", "think", "thinking.answer"),
        ReplyFormat("a.b", "a-b", "a:b"),
    ],
)
def test_30_tag_names_may_be_prefixes_of_each_other_or_hold_special_characters(
    format: ReplyFormat,
) -> None:
    t, r, o = format.thinking, format.reflection, format.output
    reply = f"<{t}>a<{r}>b</{r}>c<axb></axb></{t}><{o}>d</{t}></{o}>"
    assert read_in_every_split(reply, format).texts == [
        (THINKING, "a"),
        (REFLECTION, "b"),
        (THINKING, "c<axb></axb>"),
        (OUTPUT, f"d</{t}>"),
    ]


@pytest.mark.parametrize(
    ("unit", "trim", "size"),
    [
        (b"<", "newline", 1),
        (b"<", "strip", 4096),
        (b"<", "none", 1 << 20),
        (b"</", "newline", 7),
        (b"\n", "newline", 7),
        (b"\n", "strip", 1),
        (b"\n", "strip", 1 << 20),
        (b"\xf0", "newline", 7),
    ],
)
def test_31_a_megabyte_of_held_back_characters_takes_linear_time(
    unit: bytes, trim: Trim, size: int
) -> None:
    parser = ReplyParser(FORMAT, prefix="<thinking>a", trim=trim)
    text = unit * ((1 << 20) // len(unit))
    length = 0
    for start in range(0, len(text), size):
        length += sum(len(delta.text) for delta in parser.feed_text(text[start : start + size]))
    length += sum(len(delta.text) for delta in parser.flush())
    assert length == (0 if (unit, trim) == (b"\n", "strip") else len(text))


def test_31_a_long_run_of_less_than_is_not_kept() -> None:
    parser = ReplyParser(FORMAT, BYTES, prefix="<thinking>")
    tracemalloc.start()
    try:
        for _ in range(64):
            parser.feed(b"<" * 4096)
        parser.feed([])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 12 * parser.num_tokens


def test_32_empty_input_a_second_flush_and_input_after_the_end_are_harmless() -> None:
    parser = ReplyParser(FORMAT, BYTES)
    assert parser.feed([]) == parser.feed_text("") == parser.feed_text(b"") == []
    parser.feed_text(HEAD + "<output>b</output")
    assert parser.flush() == [Delta(OUTPUT, "</output")]
    assert parser.status is Status.INCOMPLETE
    assert parser.flush() == parser.feed_text(">c") == parser.feed(b"d") == parser.flush() == []
    assert parser.status is Status.INCOMPLETE
    assert parser.num_tokens == 0


def test_33_parsers_share_no_state() -> None:
    first, second = ReplyParser(FORMAT), ReplyParser(FORMAT)
    replies = (
        "<thinking>a</thinking><output>1</output>",
        "<thinking>b</thinking><output>2</output>",
    )
    deltas: tuple[list[Delta], list[Delta]] = ([], [])
    for one, other in zip(*replies, strict=True):
        deltas[0].extend(first.feed_text(one))
        deltas[1].extend(second.feed_text(other))
    assert join(deltas[0]) == ((THINKING, 0, "a"), (OUTPUT, 0, "1"))
    assert join(deltas[1]) == ((THINKING, 0, "b"), (OUTPUT, 0, "2"))


def test_34_the_answers_tokens_stay_aligned_while_text_is_held_back() -> None:
    tokens = (
        b"<thinking>a</thinking><output", b">\n", b"<b", b"> 4", b"2", b"\xf0\x9f", b"\x98\x80",
        b"\n", b"</", b"outer", b"\n", b"</", b"output>", None,
    )  # fmt: skip
    parser = ReplyParser(FORMAT, Vocabulary(tokens))
    seen = []
    for token_id in range(len(tokens)):
        text = "".join(d.text for d in parser.feed([token_id]) if d.section is OUTPUT)
        seen.append((text, parser.answer_tokens))
    assert seen == [
        ("", range(0)),
        ("", range(0)),
        ("<b", range(2, 3)),
        ("> 4", range(2, 4)),
        ("2", range(2, 5)),
        ("", range(2, 5)),
        ("😀", range(2, 7)),
        ("", range(2, 7)),
        ("", range(2, 7)),
        ("\n</outer", range(2, 10)),
        ("", range(2, 10)),
        ("", range(2, 10)),
        ("", range(2, 10)),
        ("", range(2, 10)),
    ]


def test_34_a_carriage_return_held_back_over_tokens_is_one_token_of_the_answer() -> None:
    parser, _ = parse_tokens(b"<thinking></thinking><output>", b"\r", b"</", b"output>")
    assert parser.answer_tokens == range(1, 2)


@pytest.mark.parametrize("trim", ["newline", "strip", "none"])
def test_34_an_answer_without_text_has_no_tokens(trim: Trim) -> None:
    parser = ReplyParser(FORMAT, BYTES, trim=trim, prefix=HEAD + "<output>")
    parser.feed(b"\n" if trim == "newline" else b" \n " if trim == "strip" else b"")
    parser.feed(b"</output>")
    assert len(parser.answer_tokens) == 0


def test_35_a_reply_aborted_within_a_tag_has_nothing_more_to_say() -> None:
    parser = ReplyParser(FORMAT, prefix="<thinking>")
    assert parser.feed_text("a\n</think") == [Delta(THINKING, "a")]
    assert parser.feed_text("") == []
    assert parser.status is Status.OPEN


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("min_reflections", [0, 3])
def test_36_the_least_replies_that_a_matcher_allows_are_complete(
    automaton: Automaton, vocabulary: Vocabulary, min_reflections: int, extra: int
) -> None:
    budget = Budget(
        max_tokens=automaton.least_tokens(min_reflections) + extra,
        max_thinking_tokens=automaton.least_thinking_tokens(min_reflections) + extra,
        min_reflections=min_reflections,
        max_reflections=min_reflections,
    )
    matcher = Matcher(automaton, budget)
    parser = ReplyParser(FORMAT, vocabulary, trim="none")
    while not matcher.is_terminated:
        token_id = STOP if matcher.allows(STOP) else int(matcher.allowed().argmax())
        assert matcher.accept(token_id)
        parser.feed([token_id])
    assert parser.num_tokens <= budget.max_tokens
    assert parser.flush() == []
    assert parser.status is Status.COMPLETE
    assert parser.num_reflections == min_reflections
    assert len(parser.answer_tokens) > 0


def test_36_a_reply_one_token_short_is_incomplete() -> None:
    parser, _ = parse_tokens(b"<thinking>", b"</thinking>", b"<output>", b"4", b"</output")
    assert parser.status is Status.INCOMPLETE


@pytest.mark.parametrize("token_id", [-1, 256, 10**9])
def test_an_id_outside_the_vocabulary_counts_and_carries_no_text(token_id: int) -> None:
    parser = ReplyParser(FORMAT, BYTES, prefix="<thinking>")
    assert parser.feed([97, token_id, 98]) == [Delta(THINKING, "ab")]
    assert parser.num_tokens == 3


def test_token_ids_need_a_vocabulary() -> None:
    with pytest.raises(TypeError, match="vocabulary"):
        ReplyParser(FORMAT).feed([1])


def test_the_open_section_and_the_status_follow_the_tags() -> None:
    parser = ReplyParser(FORMAT)
    seen = []
    for piece in ("", "<thinking>", "<reflection>", "</reflection>", "</thinking>", "<output>"):
        parser.feed_text(piece)
        seen.append(parser.section)
        assert parser.status is Status.OPEN
    assert seen == [None, THINKING, REFLECTION, THINKING, None, OUTPUT]
    parser.feed_text("</output>")
    assert parser.section is None
    assert parser.status is Status.COMPLETE
