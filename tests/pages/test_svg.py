import re

from pages import svg


def drawn(label: str = "a plot", salt: str = "s") -> str:
    with svg.drawing(2, 1) as figure:
        axes = figure.subplots()
        axes.plot([1, 2], [1, 3], color=svg.colour(1))
        axes.set_title("costs $x$ <b>")
        return svg.inline(figure, salt, label)


def test_a_drawing_is_the_same_each_time_and_names_no_address() -> None:
    assert drawn() == drawn()
    assert "http" not in drawn()


def test_colours_come_from_the_page() -> None:
    assert re.findall(r"#[0-9a-f]{6}\b", drawn()) == []
    assert "var(--series-2)" in drawn()


def test_words_are_text_and_no_formula_or_markup() -> None:
    assert "costs $x$ &lt;b&gt;" in drawn()
    assert 'aria-label="&quot;&gt;&lt;b&gt;"' in drawn('"><b>')


def test_references_hold_and_two_drawings_share_none() -> None:
    first, second = (set(re.findall(r' id="([\w-]+)"', drawn(salt=salt))) for salt in "ab")
    assert first == set(re.findall(r"#([\w-]+)", drawn(salt="a")))
    assert first
    assert not first & second


def test_a_file_of_its_own_has_colours_and_namespaces() -> None:
    with svg.drawing(2, 1) as figure:
        figure.subplots().plot([1, 2], [1, 3], color=svg.colour(0))
        file = svg.standalone(figure, "s")
    assert svg.LIGHT["--series-1"] in file
    assert "var(" not in file
    assert 'xmlns="http://www.w3.org/2000/svg"' in file


def test_long_and_broken_names_are_shortened() -> None:
    assert svg.printable("a\nb\x00c") == "a b c"
    assert svg.printable("x" * 99, 10) == "x" * 9 + "…"
