"""The browser of samples, in Chromium."""

import re
from collections.abc import Callable
from pathlib import Path

from client.turn import Turn
from eval.question import Question
from tests.eval.made_up import failed, run_folder, sample, task, turn
from tests.eval.reports import gallery
from tests.pages.reader import Reader

OpenReport = Callable[[Path], Reader]
HOSTILE = (
    "</script><script>document.title = 'owned'</script>"
    "<img src=x onerror=\"document.title = 'owned'\"><!-- <svg onload=alert(1)> "
    "<a href='javascript:alert(1)'>press</a> {{ 7 * 7 }} \u2028 \x00"
)


def test_a_sample_shows_question_thoughts_answer_gold_and_rule(
    tmp_path: Path, open_report: OpenReport
) -> None:
    gallery.pens_run(tmp_path / "a", "demo", 1.0, n=20)
    reader = open_report(tmp_path)
    assert reader.ids()[0] == "gsm8k-0"
    text = reader.read(0)
    for part in (
        "How many pens?",
        "<reflection>Adding is wrong",
        "Ann has",
        "####",
        "right answer",
    ):
        assert part in text


def test_outcomes_and_flags_filter(tmp_path: Path, open_report: OpenReport) -> None:
    cut = sample("cut", 0.0, extracted=None, flags=("length",))
    run_folder(tmp_path, [sample("right"), sample("wrong", 0.0), cut, failed("lost")])
    reader = open_report(tmp_path)
    assert reader.found == "4 of 4 samples, 25.0 % right"
    reader.choose("outcome", "wrong (3)")
    assert reader.ids() == ["wrong", "cut", "lost"]
    reader.choose("flag", "length (1)")
    assert reader.ids() == ["cut"]
    reader.choose("outcome", "right (1)")
    assert reader.ids() == []
    assert reader.found == "0 of 4 samples"


def test_rules_and_groups_filter(tmp_path: Path, open_report: OpenReport) -> None:
    ones = [sample("a", group="law"), sample("b", group="physics"), failed("c", group="law")]
    run_folder(tmp_path, ones)
    reader = open_report(tmp_path)
    assert reader.options("rule") == ["any", "last number (2)", "(none) (1)"]
    reader.choose("rule", "(none) (1)")
    assert reader.ids() == ["c"]
    reader.choose("rule", "any")
    reader.choose("group", "physics (1)")
    assert reader.ids() == ["b"]


def test_the_search_looks_in_questions_thoughts_and_answers(
    tmp_path: Path, open_report: OpenReport
) -> None:
    thoughtful = sample("a", turns=(turn("42", reasoning="First, the ZEBRA."),))
    run_folder(tmp_path, [thoughtful, sample("zebra"), sample("c", turns=(turn("Zebra"),))])
    reader = open_report(tmp_path)
    reader.search("zebra", "3 of 3")
    reader.search("first, the", "1 of 3")
    assert reader.ids() == ["a"]
    reader.read(0)
    assert reader.script("return document.querySelector('mark').textContent") == "First, the"


def test_two_runs_are_read_against_each_other(tmp_path: Path, open_report: OpenReport) -> None:
    run_folder(tmp_path / "1", [sample("x"), sample("y", 0.0), sample("z")], model="base")
    run_folder(tmp_path / "2", [sample("x", 0.0), sample("y"), sample("z")], model="tuned")
    reader = open_report(tmp_path)
    reader.choose("run", "gsm8k · tuned")
    reader.choose("outcome", "better than base")
    assert reader.ids() == ["y"]
    reader.choose("outcome", "worse than base")
    assert reader.ids() == ["x"]


def test_what_a_judge_said_is_shown(tmp_path: Path, open_report: OpenReport) -> None:
    gallery.judged_run(tmp_path, "demo")
    reader = open_report(tmp_path)
    assert "The first is duller." in reader.read(0)
    assert re.fullmatch(r"40 of 40 samples, mean \d\.\d\d", reader.found)


def test_thousands_of_samples_stand_on_pages(tmp_path: Path, open_report: OpenReport) -> None:
    run_folder(tmp_path, [sample(f"q{i}", float(i % 2)) for i in range(14_042)])
    reader = open_report(tmp_path)
    assert (reader.page, len(reader.ids())) == ("page 1 of 562", 25)
    reader.step("next")
    assert reader.ids()[0] == "q25"
    reader.step("previous")
    assert reader.ids()[0] == "q0"
    reader.search("q14041", "1 of 14,042")
    assert (reader.page, reader.ids()) == ("page 1 of 1", ["q14041"])


def test_what_models_and_data_write_is_text_and_never_runs(
    tmp_path: Path, open_report: OpenReport
) -> None:
    told = Turn(HOSTILE, reasoning=HOSTILE, finish_reason=HOSTILE)
    bad = sample("bad", 0.5, group=HOSTILE, extracted=HOSTILE, turns=(told,), flags=(HOSTILE,))
    question = Question("bad", (HOSTILE,), HOSTILE, HOSTILE, row={"choices": [HOSTILE]})
    other = Question("other", ("?",), "1", "$\\frac")
    ones = [bad, sample("other", group="$\\frac")]
    run_folder(tmp_path / "1", ones, [question, other], model=HOSTILE)
    run_folder(tmp_path / "2", ones, [question, other], of=task("mmlu"), model="<b>$x$</b>")
    reader = open_report(tmp_path)
    text = reader.read(0)
    assert text.count("</script><script>document.title = 'owned'</script>") >= 4
    reader.search("<img src=x", "1 of 2")
    reader.read(0)
    assert reader.driver.title == "Report"
    found = (
        "return document.querySelectorAll('img, iframe, #samples a, [onerror], [onload]').length"
    )
    assert reader.script(found) == 0


def test_no_script_but_its_own_runs_in_the_page(tmp_path: Path, open_report: OpenReport) -> None:
    run_folder(tmp_path, [sample("x")])
    reader = open_report(tmp_path)
    reader.script(
        "const script = document.createElement('script');"
        "script.textContent = \"document.title = 'owned'\"; document.body.append(script);"
    )
    assert reader.driver.title == "Report"
    [complaint] = reader.complaints()
    assert "Content Security Policy" in complaint


def test_on_a_phone_nothing_runs_off_the_page(tmp_path: Path, open_report: OpenReport) -> None:
    gallery.pens_run(tmp_path / "a", "a-model-with-quite-a-long-name-of-its-own", 0.5, n=30)
    reader = open_report(tmp_path)
    size = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert reader.script("return document.documentElement.scrollWidth") <= 360
    finally:
        reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
