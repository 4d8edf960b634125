from pathlib import Path

from tests.train.reports.made_up_run import config_of, judged, line, many_lines, write_recycled
from train.reports.coherence import tfidf
from train.reports.data_section import data_section
from train.reports.lengths import Lengths
from train.reports.material import read_material
from train.reports.recycled_row import RecycledRow

WORDS = Lengths("words")


def test_means_stand_with_median_and_count(tmp_path: Path) -> None:
    first = line(1, "ok", "both", scores={"original": {"ifd": 0.5}, "both": {"ifd": 0.8}})
    second = line(2, "ok", "none", scores={"original": {"ifd": 0.7}})
    third = line(3, "refused", "none")  # which was never scored
    write_recycled(tmp_path, judged([first, second, third]))
    section = data_section(read_material(config_of(tmp_path)), WORDS, None)
    assert section is not None
    assert section["labels"] == ["original", "recycled", "kept"]
    rows = dict(section["rows"])
    assert rows["IFD"] == [
        ("0.600", "median 0.600, n 2"),
        ("0.750", "median 0.750, n 2"),
        ("0.800", "median 0.800, n 1"),
    ]
    assert rows["r-IFD"] == [("–", "")] * 3
    assert rows["instruction, words"][0] == ("8.333", "median 8.000, n 3")
    assert "coherence" not in rows


def test_coherence_is_measured_over_all_stages_at_once_and_each_pair_once(tmp_path: Path) -> None:
    write_recycled(tmp_path, many_lines(50))
    asked: list[int] = []

    def measure(pairs: object) -> list[float]:
        asked.append(len(list(pairs)))  # type: ignore[call-overload]
        return [0.25] * asked[-1]

    material = read_material(config_of(tmp_path))
    section = data_section(material, WORDS, measure)
    assert section is not None
    assert asked == [len({_pair(row, name) for row in material.rows for name in _shown(row)})]
    assert [mean for mean, _ in dict(section["rows"])["coherence"]] == ["0.250"] * 3


def _pair(row: RecycledRow, variant: str) -> tuple[str, str]:
    return row.variants[variant].question, row.variants[variant].response


def _shown(row: RecycledRow) -> set[str]:
    return {"original", row.final}


def test_every_plot_is_drawn_where_there_are_scores(tmp_path: Path) -> None:
    write_recycled(tmp_path, many_lines(50))
    section = data_section(read_material(config_of(tmp_path)), WORDS, tfidf)
    assert section is not None
    plots = ("lengths_plot", "coherence_plot", "ratios_plot", "perplexities_plot", "top_plot")
    assert all(section[plot].startswith("<svg") for plot in plots)


def test_without_a_student_there_are_lengths_alone(tmp_path: Path) -> None:
    lines = [line(number, "ok", "both", scores={}) for number in range(5)]
    verdicts = [one | {"kept": True, "rank": None, "reason": None} for one in lines]
    write_recycled(tmp_path, verdicts)
    section = data_section(read_material(config_of(tmp_path)), WORDS, None)
    assert section is not None
    assert section["lengths_plot"].startswith("<svg")
    assert (section["ratios_plot"], section["perplexities_plot"], section["top_plot"]) == ("",) * 3


def test_nothing_kept_is_no_error(tmp_path: Path) -> None:
    write_recycled(tmp_path, judged([line(1, "refused", "none"), line(2, "ok", "none")]))
    section = data_section(read_material(config_of(tmp_path)), WORDS, tfidf)
    assert section is not None
    assert dict(section["rows"])["coherence"][2] == ("–", "")
