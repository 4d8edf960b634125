import pytest

from train.recycling.parsing import Parsed
from train.recycling.ratios import Ratio
from train.recycling.recycled import Call, Recycled, reflected_from
from train.recycling.selection import Decision
from train.recycling.status import Status
from train.sample import Sample
from train.samples import Seed

SAMPLE = Sample("Add.", "5", "2 and 3", "a.json")
OK = Call(Parsed(Status.OK, ("x",), "Thin."), 1)
RATIO = Ratio(Status.OK, 0.123456789, 12.0, 3.0)


def failed(status: Status) -> Call:
    return Call(Parsed(status, reason="why"), 2)


def whole() -> Recycled:
    one = Recycled(Seed(SAMPLE.id, SAMPLE, "train"))
    one.variants["instruction"] = Sample("Sum.", "Five.")
    one.variants["both"] = Sample("Sum.", "Five, since 2 + 3 = 5.")
    one.calls = {"instruction": OK, "both": OK}
    one.ifd = {"original": RATIO, "instruction": RATIO, "both": RATIO}
    one.rifd = {"instruction": RATIO, "both": RATIO}
    one.decisions = {"instruction": Decision(True, "a"), "response": Decision(True, "b")}
    one.chosen = "both"
    return one


def test_a_sample_that_went_well_is_ok() -> None:
    assert whole().status == Status.OK


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_the_first_thing_that_went_wrong_is_the_status(status: Status) -> None:
    one, found = whole(), []
    one.ifd["both"] = Ratio(status)
    found.append(one.status)
    one.rifd["instruction"] = Ratio(Status.SCORE_FAILED)
    found.append(one.status)
    one.calls["both"] = failed(Status.TRUNCATED)
    found.append(one.status)
    one.calls["instruction"] = failed(Status.REFUSED)
    found.append(one.status)
    assert found == [status, Status.SCORE_FAILED, Status.TRUNCATED, Status.REFUSED]


def test_what_went_wrong_beside_the_way_to_the_result_does_not_count() -> None:
    one = whole()
    one.calls["response"] = failed(Status.PARSE_FAILED)
    one.rifd["response"] = Ratio(Status.TOO_LONG)
    assert one.status == Status.OK


@pytest.mark.parametrize(
    ("status", "is_stopped"),
    [(Status.API_ERROR, True), (Status.SKIPPED, True), (Status.PARSE_FAILED, False)],
)
def test_only_a_call_that_may_still_come_stops_it(status: Status, is_stopped: bool) -> None:
    one = whole()
    one.calls["both"] = failed(status)
    assert one.is_stopped == is_stopped


def test_it_waits_for_the_call_that_may_still_come_whatever_went_wrong_before() -> None:
    one = Recycled(Seed(SAMPLE.id, SAMPLE, "train"))
    one.calls = {"instruction": failed(Status.PARSE_FAILED), "response": failed(Status.API_ERROR)}
    assert (one.status, one.waits_for) == (Status.PARSE_FAILED, Status.API_ERROR)


def test_a_call_beside_the_way_to_the_result_is_not_waited_for() -> None:
    one = whole()
    one.calls["response"] = failed(Status.API_ERROR)
    assert one.waits_for is None


def test_the_line_tells_texts_scores_calls_and_decisions() -> None:
    row = whole().row()
    assert row["id"] == SAMPLE.id
    assert (row["source"], row["split"], row["status"]) == ("a.json", "train", "ok")
    assert row["outcome"] == "both"
    assert row["final"] == row["variants"]["both"]
    assert row["variants"]["original"] == {
        "instruction": "Add.",
        "input": "2 and 3",
        "response": "5",
    }
    assert row["scores"]["original"] == {
        "ifd": 0.123457,
        "ifd_status": "ok",
        "ppl": 12.0,
        "ppl_given": 3.0,
    }
    assert row["scores"]["both"]["ppl_instruction_given"] == 3.0
    assert row["calls"]["both"] == {
        "status": "ok",
        "reason": "",
        "num_attempts": 1,
        "criticism": "Thin.",
    }
    assert row["decisions"]["response"] == {"is_accepted": True, "reason": "b"}


def test_a_missing_number_is_null_with_its_status() -> None:
    one = whole()
    one.rifd["both"] = Ratio(Status.TOO_LONG)
    scores = one.row()["scores"]["both"]
    assert (scores["rifd"], scores["rifd_status"]) == (None, "too_long")


def test_the_original_alone_is_no_outcome() -> None:
    assert Recycled(Seed(SAMPLE.id, SAMPLE, "train")).row()["outcome"] == "none"


def test_a_variant_has_its_scores_under_its_name() -> None:
    assert whole().pair("both").key == f"{SAMPLE.id}/both"


def test_the_response_of_either_base_has_a_variant_of_its_own() -> None:
    assert [reflected_from("original"), reflected_from("instruction")] == ["response", "both"]
