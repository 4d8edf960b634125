from eval.tasks.lettered import DIRECT, REASONED, example, lettered


def test_each_choice_has_a_line_with_its_label() -> None:
    text = lettered("Which?", ["one", "two", "three"], ["A", "B", "C"], DIRECT)
    assert text.split("\n\n") == [
        "Which?",
        "A. one\nB. two\nC. three",
        "Reply with one letter and nothing else: A, B or C.",
    ]


def test_the_reasoned_form_ends_with_the_line_to_write() -> None:
    assert lettered("Which?", ["a", "b"], "12", REASONED).endswith("1 or 2:\nThe best answer is X.")


def test_an_example_is_a_turn_of_each_side() -> None:
    assert [message["role"] for message in example("asked", "told")] == ["user", "assistant"]
