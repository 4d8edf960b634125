import pytest
from jinja2 import UndefinedError

from eval.judges.prompt import NAMES, prompts_sha256, render


def test_a_value_is_never_read_as_a_template() -> None:
    first = "A| {{ second }}{% if %}{# #}"
    asked = render("pairwise", question="Q| ?", first=first, second="B| 5", as_json=False)
    assert first in asked


def test_a_value_that_is_missing_is_an_error_and_not_an_empty_text() -> None:
    with pytest.raises(UndefinedError):
        render("pairwise", question="Q| ?", first="A| 4", as_json=False)


def test_the_hash_is_of_all_prompts() -> None:
    assert len(NAMES) == 4
    assert len(prompts_sha256()) == 64


def test_no_line_of_ours_can_be_taken_for_a_quoted_one() -> None:
    values = {"question": "Q|", "first": "A|", "second": "B|", "as_json": False}
    ours = [line for line in render("pairwise", **values).split("\n") if "|" in line]
    assert ours == ["Q|", "A|", "B|"]
