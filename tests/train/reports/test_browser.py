"""The browser of a run's samples, in Chromium."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pages.reader import Reader
from tests.train.reports.made_up_run import judged, line, made_up_run, many_lines, write_recycled

OpenReport = Callable[[Path], Reader]
HOSTILE = (
    "</script><script>document.title = 'owned'</script>"
    "<img src=x onerror=\"document.title = 'owned'\"><!-- <svg onload=alert(1)> \u2028 \x00"
)
PARTS = "return [...document.querySelectorAll('.changes')].map((one) => one.innerHTML)"


def variants(*pairs: tuple[str, str]) -> dict[str, Any]:
    names = ("original", "response", "instruction", "both")
    return {
        name: {"instruction": instruction, "input": "", "response": response}
        for name, (instruction, response) in zip(names, pairs, strict=False)
    }


def write_one(folder: Path, *pairs: tuple[str, str], **changes: Any) -> None:
    write_recycled(
        folder, judged([line(1, "ok", "response", variants=variants(*pairs), **changes)])
    )


def test_a_sample_shows_changes_scores_criticism_and_choices(
    tmp_path: Path, open_report: OpenReport
) -> None:
    made_up_run(tmp_path, n=30)
    text = open_report(tmp_path).read(0)
    for part in (
        "variant “both”, chosen",
        "variant “instruction”, not chosen",
        "curious child of nine",
        "ppl(y | x)",
        "choice of the response: reflected",
        "teacher on the response: ok",
        "no cause is named",
    ):
        assert part in text


def test_words_that_went_and_came_are_marked(tmp_path: Path, open_report: OpenReport) -> None:
    before = "The small cat sat quietly on the old red mat. It slept."
    after = "The big cat sat quietly on the old red sofa. It slept well."
    write_one(tmp_path, ("Tell <b>it</b>.", before), ("Tell <b>it</b>.", after))
    reader = open_report(tmp_path)
    assert "instruction, unchanged" in reader.read(0)
    instruction, response = reader.script(PARTS)
    assert instruction == "Tell &lt;b&gt;it&lt;/b&gt;."
    assert response == (
        "The <del>small</del><ins>big</ins> cat sat quietly on the old red "
        "<del>mat</del><ins>sofa</ins>. It slept<ins> well</ins>."
    )


def test_a_word_alone_among_changes_is_no_common_ground(
    tmp_path: Path, open_report: OpenReport
) -> None:
    write_one(tmp_path, ("?", "Cats eat the mice."), ("?", "Every ocean holds the moon!"))
    reader = open_report(tmp_path)
    reader.read(0)
    _, response = reader.script(PARTS)
    assert response == "<del>Cats eat the mice.</del><ins>Every ocean holds the moon!</ins>"


def test_changes_put_together_again_are_both_texts(tmp_path: Path, open_report: OpenReport) -> None:
    long = " ".join(f"w{i * i % 97}" for i in range(4_000))  # more than is compared by words
    pairs = [
        ("", "all new"),
        ("all gone", ""),
        ("a b c d e f", "a x c d y f"),
        ("zwölf  Äpfel\n\n🍏🍎 x", "zwölf Birnen\n🍐 x"),
        (long, long[::-1]),
    ]
    lines = [
        line(number, "ok", "response", variants=variants(("?", before), ("?", after)))
        for number, (before, after) in enumerate(pairs)
    ]
    write_recycled(tmp_path, judged(lines))
    reader = open_report(tmp_path)
    for number, (before, after) in enumerate(pairs):
        reader.read(number)
        place = f"document.querySelectorAll('#list > li')[{number}].querySelectorAll('.changes')[1]"
        parts = reader.script(
            f"return [...{place}.childNodes].map((one) => [one.nodeName, one.textContent])"
        )
        assert "".join(text for name, text in parts if name != "INS") == before
        assert "".join(text for name, text in parts if name != "DEL") == after


def test_either_side_can_be_read_alone(tmp_path: Path, open_report: OpenReport) -> None:
    write_one(tmp_path, ("Q?", "short"), ("Q?", "a longer one"))
    reader = open_report(tmp_path)
    reader.choose("show", "before")
    assert "response, before\nshort" in reader.read(0)
    reader.choose("show", "after")
    assert "response, after\na longer one" in reader.read(0)


def test_what_was_not_chosen_opens_on_demand(tmp_path: Path, open_report: OpenReport) -> None:
    write_one(tmp_path, ("Q?", "A"), ("Q?", "chosen words"), ("Other?", "refused words"))
    reader = open_report(tmp_path)
    assert "refused words" not in reader.read(0)
    reader.script("document.querySelector('.variant:not([open]) summary').click()")
    shown = "return document.querySelector('#list').textContent.includes('refused words')"
    reader.wait(lambda: bool(reader.script(shown)), "it did not open")


def test_filters_and_search_leave_what_they_name(tmp_path: Path, open_report: OpenReport) -> None:
    lines = many_lines(200)
    kept = [one for one in lines if one["kept"] and one["outcome"] == "response"]
    write_recycled(tmp_path, lines)
    reader = open_report(tmp_path)
    assert reader.found == "200 of 200 samples, 66.5 % kept"
    assert reader.options("status")[:2] == ["any", "ok (172)"]
    reader.choose("status", "refused (4)")
    assert reader.found == "4 of 200 samples, 0.0 % kept"
    reader.choose("status", "any")
    reader.choose("kept", "kept (133)")
    reader.choose("outcome", "response (72)")
    assert reader.found == f"{len(kept)} of 200 samples, 100.0 % kept"
    of_bees = [one for one in kept if "bees" in one["final"]["response"]]
    reader.search("BEES is true but thin", f"{len(of_bees)} of 200")
    assert sorted(reader.ids()) == sorted(one["id"] for one in of_bees)


def test_what_models_and_data_write_is_text_and_never_runs(
    tmp_path: Path, open_report: OpenReport
) -> None:
    calls = {"response": {"status": HOSTILE, "reason": HOSTILE, "num_attempts": 1}}
    calls["response"]["criticism"] = HOSTILE
    told = line(
        1,
        HOSTILE,
        "response",
        variants=variants((HOSTILE, "x"), (HOSTILE, HOSTILE)),
        calls=calls,
        source=HOSTILE,
        decisions={HOSTILE: {"is_accepted": True, "reason": HOSTILE}},
    )
    write_recycled(tmp_path, judged([told | {"reason": HOSTILE}]), teacher={"model": HOSTILE})
    reader = open_report(tmp_path)
    assert reader.read(0).count("</script><script>document.title = 'owned'</script>") >= 5
    reader.search("<img src=x", "1 of 1")
    reader.read(0)
    assert reader.driver.title == "made-up"
    found = "return document.querySelectorAll('img, iframe, [onerror], [onload]').length"
    assert reader.script(found) == 0


def test_on_a_phone_nothing_runs_off_the_page(tmp_path: Path, open_report: OpenReport) -> None:
    made_up_run(tmp_path, n=30)
    reader = open_report(tmp_path)
    size = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        reader.read(0)
        assert reader.script("return document.documentElement.scrollWidth") <= 360
    finally:
        reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
