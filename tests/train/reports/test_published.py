from train.reports.published import published_tables


def test_each_table_is_whole_and_has_its_source() -> None:
    tables, caveats = published_tables()
    assert len(tables) == 4
    assert caveats
    for table in tables:
        assert "arXiv 2402.10110" in table.source
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_figures_are_those_of_the_paper() -> None:
    tables, _ = published_tables()
    models = {row[0]: row for row in tables[0].rows}
    assert models["Alpaca 7B"][2] == "26.46"
    assert models["Recycled WizardLM 7B (selective)"][1:4] == ["46,325", "83.48 ± 1.31", "56.79"]
