import unicodedata

from train.sample import Sample


def test_equal_content_has_one_id_whatever_its_source_and_outer_blanks() -> None:
    sample = Sample("Sum up.", "Short.", "A text.", "a.json")
    assert Sample(" Sum up.\n", "Short. ", "A text.", "b.json").id == sample.id


def test_composed_and_decomposed_letters_are_one_content() -> None:
    assert Sample("é", "x").id == Sample(unicodedata.normalize("NFD", "é"), "x").id


def test_text_that_moves_from_one_field_to_the_other_is_another_sample() -> None:
    parts = [("ab", "c", ""), ("a", "bc", ""), ("a", "c", "b"), ("", "abc", ""), ("abc", "", "")]
    assert len({Sample(*part).id for part in parts}) == len(parts)


def test_half_a_surrogate_pair_has_an_id_too() -> None:
    assert len(Sample("\ud83d", "x").id) == 32


def test_the_id_is_fixed_since_run_folders_hold_it() -> None:
    assert Sample("Add.", "5", "2 and 3").id == "ab1c610272981b7008d55b324984b811"


def test_the_question_is_the_instruction_with_its_input_behind_a_blank_line() -> None:
    assert Sample("Add.", "5", "2 and 3").question == "Add.\n\n2 and 3"
    assert Sample("Add 2 and 3.", "5").question == "Add 2 and 3."
