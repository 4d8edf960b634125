import base64
import hashlib
import json
import re

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.page import render_page, script_json
from tests.pages.plain_page import plain_page
from tests.pages.reader import text_of

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


def test_the_policy_admits_the_pages_own_script_alone() -> None:
    page = plain_page([])
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ")[:3] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
    ]


def test_style_and_script_of_a_report_follow_the_shared_ones() -> None:
    page = plain_page([])
    assert page.index("--series-1") < page.index(".own {")
    assert page.index("const browser = ") < page.index("browser.start({")


def test_texts_are_escaped_and_plots_are_not() -> None:
    page = plain_page([], title="<b>&", plot="<svg></svg>")
    assert "<title>&lt;b&gt;&amp;</title>" in page
    assert '<div class="plot"><svg></svg></div>' in page
    assert text_of(page).startswith("&lt;b&gt;&amp; &lt;b&gt;&amp;")


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'plot' is undefined"):
        render_page("tests.pages.plain", title="t", data=script_json([]))
