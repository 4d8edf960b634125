import argparse

import pytest

from eval.judges import arguments
from eval.judges.judge import Judge


def parsed(*given: str, is_required: bool = True) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    arguments.add_arguments(parser, is_required)
    return parser.parse_args(list(given))


def test_the_judge_is_as_the_flags_say() -> None:
    args = parsed("--judge-model", "j", "--judge-json", "--judge-fields", '{"seed": 1}')
    assert arguments.judge(args) == Judge("j", True, 2048, {"seed": 1})


def test_where_a_judge_can_wait_none_is_named() -> None:
    assert parsed(is_required=False).judge_model is None


@pytest.mark.parametrize(("text", "complaint"), [("{", "not JSON"), ("[1]", "a JSON object")])
def test_fields_are_a_json_object(text: str, complaint: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=complaint):
        parsed("--judge-model", "j", "--judge-fields", text)


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--judge-concurrency", "0"),
        ("--judge-probe", "-1"),
        ("--judge-max-tokens", "0"),
        ("--judge-timeout", "-3"),
    ],
)
def test_a_number_out_of_bounds_is_refused(flag: str, text: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="was expected"):
        parsed("--judge-model", "j", flag, text)


def test_the_default_judge_is_our_own_server() -> None:
    assert arguments.endpoint(parsed("--judge-model", "j")).base_url == arguments.BASE_URL
