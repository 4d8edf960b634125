from problems.step import Step


def test_a_step_knows_its_result_and_its_line() -> None:
    assert [Step(12, sign, 4).after for sign in "+-*/"] == [16, 8, 48, 3]
    assert Step(12, "-", 4).line == "12 - 4 = 8\n"
