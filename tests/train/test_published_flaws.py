"""The flaws of the published scripts (specification, 1.5), by number: ours must not have them.

Each test fails on the behaviour that it names. Flaws 2 (of scores), 9, 10 and 12 are in
tests/train/scoring/test_published_flaws.py.
"""

from pathlib import Path

from client.turn import Turn
from tests.train.recycling.fake_student import FAILED, TOO_LONG
from tests.train.recycling.runs import configure, journal, named, rows, run
from tests.train.recycling.scripted_teacher import (
    better_answer,
    new_answer,
    new_instruction,
    scripted_teacher,
)
from train.recycling.parsing import BETTER_ANSWER, parse
from train.recycling.prompts import INSTRUCTION, render
from train.recycling.selection import accept_response, why_dropped
from train.recycling.settings import Recycle
from train.recycling.status import Status
from train.sample import Sample

ALL = Recycle(method="all")


def test_flaw_1_the_stage_of_responses_yields_its_results(tmp_path: Path, faulty_url: str) -> None:
    config = configure(tmp_path, faulty_url, ["fate=well x"], ALL)
    run(config)
    (row,) = rows(config)
    assert row["kept"]
    assert row["final"]["response"] == better_answer(row["variants"]["instruction"]["response"])


def test_flaw_2_a_failed_score_never_wins_and_never_passes(tmp_path: Path, faulty_url: str) -> None:
    names = [f"fate=well {FAILED}", f"fate=well {TOO_LONG}"]
    config = configure(tmp_path, faulty_url, names, Recycle())
    run(config)
    for row in rows(config):
        assert not row["kept"]
        assert row["status"] in {"score_failed", "too_long"}
        measured = [scores.get("rifd") for scores in row["scores"].values()]
        assert measured.count(0) == 0
    assert not accept_response(0.5, None).is_accepted
    assert why_dropped(Recycle(), "both", None, None) == "no IFD"
    assert "NaN" not in (config.run.dir / "recycled.jsonl").read_text()


def test_flaw_3_a_capitalised_end_does_not_cut_the_answer() -> None:
    text = "Endings: the End of a story.\n\nEnd\n\nEnd with a summary."
    reply = f"Thin.\n[Better Answer]\n{text}\n[End of Better Answer]"
    assert parse(Turn(reply), [BETTER_ANSWER]).texts == (text,)


def test_flaw_3_an_answer_may_say_what_the_published_parser_rejects() -> None:
    for text in ("N/A", "This is your answer.", "Follow your instruction."):
        reply = f"Thin.\n[Better Answer]\n{text}\n[End of Better Answer]"
        assert parse(Turn(reply), [BETTER_ANSWER]).texts == (text,)


def test_flaw_3_missing_and_nested_markers_are_a_status_and_no_guess(
    tmp_path: Path, faulty_url: str
) -> None:
    config = configure(tmp_path, faulty_url, ["fate=unmarked x", "fate=nested x"], ALL)
    run(config)
    for row in rows(config):
        assert row["status"] == "parse_failed"
        assert row["final"] == row["variants"]["original"]


def test_flaw_4_one_half_that_was_read_is_not_joined_with_the_old_other_half(
    tmp_path: Path, faulty_url: str
) -> None:
    config = configure(tmp_path, faulty_url, ["fate=half x"], ALL)
    run(config)
    (row,) = rows(config)
    assert "instruction" not in row["variants"]
    assert row["final"]["instruction"] == "fate=half x"


def test_flaw_5_what_could_not_be_read_is_asked_again_at_another_temperature(
    tmp_path: Path, faulty_url: str
) -> None:
    config = configure(tmp_path, faulty_url, ["fate=hot x"], ALL)
    run(config)
    (row,) = rows(config)
    requests = [line["request"] for line in journal(config) if "request" in line]
    assert [request["temperature"] for request in requests[:2]] == [0.0, 0.7]
    assert row["calls"]["instruction"]["num_attempts"] == 2
    assert row["status"] == "ok"


def test_flaw_6_one_failing_request_costs_no_other_and_ends(
    tmp_path: Path, faulty_url: str
) -> None:
    names = ["fate=dead x", *(f"fate=well {number}" for number in range(9)), "fate=too_long x"]
    config = configure(tmp_path, faulty_url, names, ALL, max_attempts=2)
    run(config)
    found = named(config)
    assert [found[name]["status"] for name in names] == ["api_error", *["ok"] * 9, "too_long"]
    keys = [line["key"] for line in journal(config) if "request" in line]
    assert len(keys) == len(set(keys))


def test_flaw_6_every_reply_is_on_disk_when_the_next_request_is_sent(tmp_path: Path) -> None:
    with scripted_teacher() as url:
        config = configure(tmp_path, url, map(str, range(5)), ALL, concurrency=1)
        run(config)
    kinds = ["turn" if "turn" in line else "request" for line in journal(config)]
    assert kinds == ["request", "turn"] * 10


def test_flaw_7_no_answer_is_ever_shortened(tmp_path: Path, faulty_url: str) -> None:
    long = f"fate=well {'long ' * 2000}{TOO_LONG}"
    config = configure(tmp_path, faulty_url, [long, "fate=truncated x"], Recycle())
    run(config)
    too_long, truncated = rows(config)
    assert (too_long["status"], truncated["status"]) == ("too_long", "truncated")
    assert {name: texts["response"] for name, texts in too_long["variants"].items()} == {
        "original": f"About {long}.",
        "instruction": new_answer(new_instruction(long)),
        "response": better_answer(f"About {long}."),
    }
    assert truncated["variants"].keys() == {"original"}


def test_flaw_8_reflecting_on_an_instruction_sees_its_input() -> None:
    asked = render(INSTRUCTION, Sample("Translate it.", "Guten Tag.", "Good day."))[1]["content"]
    assert "[Input]\nGood day.\n[End of Input]" in asked


def test_flaw_11_a_line_is_found_by_its_id_and_never_by_its_place(
    tmp_path: Path, faulty_url: str
) -> None:
    names = [f"topic {number}" for number in range(40)]
    found = []
    for folder, order in ((tmp_path / "a", names), (tmp_path / "b", names[::-1])):
        folder.mkdir()
        config = configure(folder, faulty_url, order, Recycle(method="all", block=8))
        run(config)
        found.append({row["id"]: row for row in rows(config)})
    assert found[0] == found[1]
    assert {Status(row["status"]) for row in found[0].values()} > {Status.OK}
    for name, row in found[0].items():
        original = row["variants"]["original"]
        sample = Sample(original["instruction"], original["response"], original["input"])
        assert sample.id == name
