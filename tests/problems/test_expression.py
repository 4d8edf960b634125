import pytest

from problems.expression import evaluate, shortest


def test_evaluate_knows_integers_signs_and_brackets_only() -> None:
    assert evaluate("(2 + 3) * 4 - 1") == 19
    assert evaluate("-3 + 4") is None
    for text in ("2 ** 3", "__import__('os')", "2 / 1", "", "((((", "1 2", "9" * 99, "2(3)"):
        assert evaluate(text) is None
        assert shortest(text) is None


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (" ( 2 + 3 ) * 4 ", "(2+3)*4"),
        ("(2 * 3) + 4", "2*3+4"),
        ("2 - (3 - 4)", "2-(3-4)"),
        ("(2 - 3) - 4", "2-3-4"),
        ("((2))", "2"),
    ],
)
def test_only_brackets_that_matter_stay(text: str, short: str) -> None:
    assert shortest(text) == short
    assert evaluate(short) == evaluate(text)
