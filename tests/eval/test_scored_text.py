import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eval.scored_text import is_truncated, scored_text

WHOLE = [
    ("42", "42"),
    ("", ""),
    ("<output>42</output>", "42"),
    ("<output>\n42\n</output>", "\n42\n"),
    ("<thinking>41</thinking><output>42</output>", "42"),
    ("<thinking>41<reflection>40</reflection></thinking>\n<output>42</output>\n", "42"),
    ("<output>41</output><output>42</output>", "42"),
    ("<output>41</output> text <output>42", "42"),
    ("<thinking>41</thinking>\nIt is 42.", "\nIt is 42."),
    ("<thinking>41</thinking> 40 <thinking>39</thinking> 42", " 42"),
    ("<think>41</think>42", "42"),
    ("<thinking>the <output>41</output> tag</thinking>42", "42"),
    ("<thinking>the <output> tag</thinking><output>42</output>", "42"),
    ("<thinking>a <thinking> b </thinking> 41 </thinking>42", "42"),
    ("<thinking>a <think> b </thinking>42", "42"),
    ("<thinking>41</thinking><reflection>40</reflection>42", "42"),
    ("<output>42</output><thinking>41</thinking>", "42"),
    ("<output>42</output> as it <thinking>41</thinking> is", "42"),
    ("<output><thinking>41</thinking>42</output>", "42"),
    ("<output>the <output> tag</output>", "the <output> tag"),
    ("<output>a</output>b</output>", "a"),
    ("prompted with the opening tag, 41</thinking>42", "42"),
    ("<output>41</output></think><output>42</output>", "42"),
    ("41 <output> 40</think>42", "42"),
    ("<thinking>41</thinking>", ""),
    ("<thinking><output>41</output></thinking>", ""),
    ("< output > <outputs>", "< output > <outputs>"),
    ("<Thinking>41</Thinking><Output>42</Output>", "42"),
    ("<THINKING>41</thinking>42", "42"),
    ("<thinking>the answer is 41</THINKING> 42", " 42"),
]
TRUNCATED = [
    ("<thinking>41", ""),
    ("41 <thinking>40", ""),
    ("<thinking>41</thinking>40<thinking>39", ""),
    ("<thinking>a <output>41</output>", ""),
    ("<thinking>a <reflection>41</reflection> 40", ""),
    ("<thinking>a <think>b</think> 40", ""),
    ("<think>41", ""),
    ("<THINKING>The answer is 42", ""),
    ("<output>42</output><thinking>41", "42"),
    ("<output>42<thinking>41", "42"),
]
TAGS = [
    *("<thinking>", "</thinking>", "<reflection>", "</reflection>", "<think>", "</think>"),
    *("<output>", "</output>", "42", "The answer is 42.", "\n", "<", "thinking>"),
]
replies = st.lists(st.sampled_from(TAGS) | st.text(max_size=8), max_size=12).map("".join)


@pytest.mark.parametrize(("content", "text"), WHOLE)
def test_only_the_answer_is_scored(content: str, text: str) -> None:
    assert scored_text(content) == text
    assert not is_truncated(content)


@pytest.mark.parametrize(("content", "text"), TRUNCATED)
def test_a_reply_that_ends_in_its_thoughts_is_truncated(content: str, text: str) -> None:
    assert scored_text(content) == text
    assert is_truncated(content)


@given(replies, replies, st.sampled_from(["thinking", "reflection", "think"]))
@example("<output>41</output>", "42", "thinking")
@example("", "<output>4", "think")
def test_thoughts_before_a_reply_change_nothing(thoughts: str, reply: str, name: str) -> None:
    thoughts = thoughts.replace(f"</{name}>", "")
    if f"</{name}>" in thoughts:
        return
    whole = f"<{name}>{thoughts}</{name}>{reply}"
    assert scored_text(whole) == scored_text(reply)
    assert is_truncated(whole) == is_truncated(reply)


@given(replies, replies)
def test_thoughts_opened_in_the_prompt_change_nothing(thoughts: str, reply: str) -> None:
    thoughts = thoughts.replace("<", "(")
    assert scored_text(f"{thoughts}</thinking>{reply}") == scored_text(reply)


@given(replies)
def test_no_thought_is_ever_scored(content: str) -> None:
    secret = content.replace("42", "")
    marked = f"<thinking>{secret.replace('</thinking>', '')}42"
    assert "42" not in scored_text(marked)


@given(replies)
def test_an_output_section_wins_over_all_that_stands_before_it(content: str) -> None:
    if not is_truncated(content):
        closed = scored_text(f"{content}</output><output>42</output>")
        assert closed == "42"


@pytest.mark.parametrize("tag", ["</thinking>", "<output>", "</output>", "</think><output>"])
def test_a_hundred_thousand_tags_are_read_in_one_pass(tag: str) -> None:
    many = tag * 100_000  # looking from each tag to the end would take minutes
    assert scored_text(f"{many}</thinking>42") == "42"
    assert scored_text(f"<thinking>{many}") == ""
    assert scored_text("</thinking><reflection>" * 100_000) == ""
