import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.turn import Turn
from train.recycling.parsing import BETTER_ANSWER, NEW_ANSWER, NEW_INSTRUCTION, parse
from train.recycling.status import Status

WHOLE = (
    "The answer is thin.\n\n[New Instruction]\nName three.\n[End of New Instruction]\n\n"
    "[New Answer]\nOne.\n\nTwo.\n[End of New Answer]"
)
BOTH, ONE = (NEW_INSTRUCTION, NEW_ANSWER), (BETTER_ANSWER,)


def better(text: str) -> str:
    return f"Criticism.\n[Better Answer]\n{text}\n[End of Better Answer]\n"


def test_the_blocks_come_with_the_criticism_before_them() -> None:
    parsed = parse(Turn(WHOLE), BOTH)
    assert parsed.status == Status.OK
    assert parsed.texts == ("Name three.", "One.\n\nTwo.")
    assert parsed.criticism == "The answer is thin."


@pytest.mark.parametrize(
    "spelled",
    [
        "**[Better Answer]**\nx\n**[End of Better Answer]**",
        "### [Better Answer]\nx\n### [End of Better Answer]",
        "[better answer]:\nx\n[END OF BETTER ANSWER]",
        "[Better Answer]\r\nx\r\n[End of Better Answer]\r\n",
        "  [Better Answer]  \nx\n\t[End of Better Answer]",
    ],
)
def test_a_marker_may_be_dressed_but_stands_alone_on_its_line(spelled: str) -> None:
    assert parse(Turn(spelled), ONE).texts == ("x",)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Well done.", r"[Better Answer] is missing"),
        ("[Better Answer]\nx", r"[End of Better Answer] is missing"),
        ("x\n[End of Better Answer]", r"[Better Answer] is missing"),
        ("[End of Better Answer]\nx\n[Better Answer]", "[End of Better Answer] first: the markers"),
        (better(better("x")), "[Better Answer] comes 2 times"),
        (better("x") + better("y"), "[Better Answer] comes 2 times"),
        (better(" \n"), "nothing in [Better Answer]"),
        ("I mean [Better Answer] x [End of Better Answer]", "[Better Answer] is missing"),
    ],
)
def test_what_is_not_the_form_asked_for_is_never_guessed(reply: str, reason: str) -> None:
    parsed = parse(Turn(reply, finish_reason="stop"), ONE)
    assert (parsed.status, parsed.texts) == (Status.PARSE_FAILED, ())
    assert parsed.reason.startswith(reason)


def test_one_block_within_the_other_is_no_form() -> None:
    reply = "[New Instruction]\na\n[New Answer]\nb\n[End of New Answer]\n[End of New Instruction]"
    assert parse(Turn(reply), BOTH).status == Status.PARSE_FAILED


def test_one_half_of_a_pair_gives_nothing() -> None:
    cut = WHOLE.index("[New Answer]")
    for half in WHOLE[:cut], WHOLE[cut:]:
        parsed = parse(Turn(half), BOTH)
        assert (parsed.status, parsed.texts) == (Status.PARSE_FAILED, ())


@pytest.mark.parametrize(
    "text",
    [
        "End of story.\nEnd\n[End]\n[End of Answer]\nIt ends.",
        "N/A",
        "your answer",
        "Here is [New Answer] in a line, and\n[New Instruction]\non its own.",
        "[x](y) [1]\n[2]",
    ],
)
def test_a_text_may_hold_any_word(text: str) -> None:
    assert parse(Turn(better(text)), ONE).texts == (text,)


@given(st.text())
def test_any_text_without_the_markers_comes_back_whole(text: str) -> None:
    parsed = parse(Turn(better(f"x{text}x")), ONE)
    if "better answer" not in text.casefold():
        assert parsed.texts == (f"x{text}x",)


@given(st.text(), st.sampled_from(["stop", "length", "content_filter", None]))
def test_any_reply_has_a_status_and_a_reason_unless_it_is_read(text: str, finish: str) -> None:
    parsed = parse(Turn(text, finish_reason=finish), BOTH)
    assert parsed.status != Status.OK
    assert parsed.reason


def test_a_reply_that_broke_off_is_truncated_unless_its_blocks_are_whole() -> None:
    for size in range(len(WHOLE) - len("[End of New Answer]")):
        parsed = parse(Turn(WHOLE[:size], finish_reason="length"), BOTH)
        assert parsed.status == Status.TRUNCATED
    assert parse(Turn(WHOLE + "\nAnd", finish_reason="length"), BOTH).status == Status.OK


@pytest.mark.parametrize(
    "said",
    [
        "I'm sorry, but I can't help with that.",
        "I am very sorry. No.",
        "Sorry, no.",
        "I cannot do this.",
        "I won’t write that.",
        "As an AI language model, I am unable to have opinions.",
    ],
)
def test_a_refusal_is_one(said: str) -> None:
    assert parse(Turn(said, finish_reason="stop"), ONE).status == Status.REFUSED


def test_a_reply_that_only_begins_like_a_refusal_is_read() -> None:
    assert parse(Turn("I'm sorry to say it is thin.\n" + better("x")), ONE).status == Status.OK


def test_a_filter_of_the_endpoint_is_a_refusal() -> None:
    turn = Turn(better("x"), finish_reason="content_filter")
    assert parse(turn, ONE).status == Status.REFUSED


def test_markers_in_the_teachers_thinking_do_not_count() -> None:
    parsed = parse(Turn(f"<think>\n{better('draft')}</think>\n{better('final')}"), ONE)
    assert parsed.texts == ("final",)
    assert parsed.criticism == "Criticism."
