import json

from hypothesis import given
from hypothesis import strategies as st

from eval.reports.browser_data import script_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_written_is_read_back_and_cannot_end_its_element(value: object) -> None:
    text = script_json(value)
    assert json.loads(text) == value
    assert "<" not in text


def test_no_comment_or_script_can_begin_in_it() -> None:
    text = script_json("</script><!--<script>]]>")
    assert text == '"\\u003c/script>\\u003c!--\\u003cscript>]]>"'
