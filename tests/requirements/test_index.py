"""pip's settings, translated for uv."""

import pytest

from requirements.index import parse_pip_settings, uv_variables

LISTING = """\
:env:.find-links='/wheels/mine'
global.extra-index-url='file:///first\\nfile:///second'
global.find-links='/wheels/all'
install.timeout='60'
user-agent
"""


def test_an_environment_variable_is_stronger_than_a_file() -> None:
    assert parse_pip_settings(LISTING)["find-links"] == "/wheels/mine"


def test_sections_are_merged_and_other_lines_passed_over() -> None:
    settings = parse_pip_settings(LISTING)
    assert settings["timeout"] == "60"
    assert settings["extra-index-url"] == "file:///first\nfile:///second"
    assert set(settings) == {"find-links", "extra-index-url", "timeout"}


def test_no_settings_leave_only_the_strategy() -> None:
    assert uv_variables({}, {}) == {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize(
    ("key", "value", "variable", "translated"),
    [
        ("index-url", "file:///a", "UV_DEFAULT_INDEX", "file:///a"),
        ("extra-index-url", "file:///a\nfile:///b", "UV_INDEX", "file:///a file:///b"),
        ("find-links", "/a /b", "UV_FIND_LINKS", "/a,/b"),
        ("cert", "/path with/ca.pem", "SSL_CERT_FILE", "/path with/ca.pem"),
        ("trusted-host", "a b", "UV_INSECURE_HOST", "a b"),
        ("timeout", "60", "UV_HTTP_TIMEOUT", "60"),
    ],
)
def test_a_setting_becomes_uvs_variable(
    key: str, value: str, variable: str, translated: str
) -> None:
    assert uv_variables({key: value}, {})[variable] == translated


def test_what_the_user_has_set_for_uv_stays() -> None:
    translated = uv_variables({"find-links": "/pip", "cert": "/a"}, {"UV_FIND_LINKS": "/uv"})
    assert "UV_FIND_LINKS" not in translated
    assert translated["SSL_CERT_FILE"] == "/a"


def test_settings_without_a_counterpart_are_left_out() -> None:
    assert uv_variables({"disable-pip-version-check": "1"}, {}) == uv_variables({}, {})
