from train.building.words import runs, words_of


def test_case_signs_and_compatibility_forms_make_no_difference() -> None:
    assert words_of("Don't STOP,\n²x — “Straße”!") == ["don", "t", "stop", "2x", "strasse"]


def test_runs_overlap_and_stop_at_the_end() -> None:
    assert list(runs(["a", "b", "c", "d"], 3)) == ["a b c", "b c d"]
    assert list(runs(["a", "b"], 3)) == []
