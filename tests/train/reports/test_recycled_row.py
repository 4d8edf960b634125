import json
import math

import pytest

from tests.train.reports.made_up_run import judged, line, many_lines
from train.recycling.parsing import Parsed
from train.recycling.ratios import Ratio
from train.recycling.recycled import Call, Recycled
from train.recycling.selection import Decision
from train.recycling.status import Status
from train.reports.recycled_row import RecycledRow, stages_of, variants_of
from train.sample import Sample
from train.samples import Seed
from train.scoring.scored import Scored
from train.scoring.target import Likelihood


def row(status: str = "ok", outcome: str = "both") -> RecycledRow:
    return RecycledRow.from_dict(judged([line(1, status, outcome)])[0])


def test_the_result_of_a_sample_is_a_variant() -> None:
    assert row(outcome="both").final == "both"
    assert row(outcome="none").final == "original"


def test_a_score_that_is_not_there_is_none() -> None:
    failed = RecycledRow.from_dict(
        judged([line(1, "ok", "both", scores={"original": {"ifd": None}, "both": {"ifd": 0.5}})])[0]
    )
    assert failed.score("original", "ifd") is None
    assert failed.score("original", "rifd") is None
    assert failed.score("response", "ifd") is None
    assert failed.score("both", "ifd") == 0.5


def test_the_original_gets_the_scores_that_it_lacks() -> None:
    told = [line(1, "ok", "both", scores={"original": {"ifd": 0.5, "ppl": None}, "both": {}})]
    first, last = Likelihood(2, 2.0, "ok"), Likelihood(0, 0.0, "failed")
    likelihoods = (first, Likelihood(2, 4.0, "ok"), first, last)
    scored = Scored("id", likelihoods)
    found = RecycledRow.from_dict(judged(told)[0]).with_original(scored)
    assert found.score("original", "ifd") == 0.5
    assert found.score("original", "ppl") == pytest.approx(math.e**2)
    assert found.score("original", "ppl_given") == pytest.approx(math.e)
    assert found.score("original", "rifd") is None
    assert found.score("both", "ppl") is None


def test_what_a_line_lacks_is_named() -> None:
    told = judged([line(1, "ok", "both")])[0]
    del told["outcome"]
    with pytest.raises(KeyError, match="outcome"):
        RecycledRow.from_dict(told)


def test_stages_and_variants_hold_the_samples_that_have_them() -> None:
    rows = [RecycledRow.from_dict(one) for one in many_lines(100)]
    stages, variants = stages_of(rows), variants_of(rows)
    kept = [one for one in rows if one.is_kept]
    assert [len(places) for places in stages.values()] == [100, 100, len(kept)]
    assert {variant for _, variant in stages["kept"]} == {"both", "response"}
    assert list(variants) == ["original", "instruction", "response", "both"]
    assert len(variants["original"]) == 100 > len(variants["both"]) > 0


def test_a_line_that_recycling_writes_is_read() -> None:
    one = Recycled(Seed("id", Sample("Name a bee.", "Bee.", "a list", "alpaca.json"), "train"))
    one.variants["response"] = Sample("Name a bee.", "The mason bee.", "a list")
    one.calls["response"] = Call(Parsed(Status.OK, ("The mason bee.",), criticism="Thin."), 2)
    one.ifd["response"] = Ratio(Status.OK, 0.5, 8.0, 4.0)
    one.decisions["response"] = Decision(True, "r-IFD 0.4 below 0.6")
    one.chosen = "response"
    line = {"kept": True, "rank": 1, "reason": None, **one.row()}
    read = RecycledRow.from_dict(json.loads(json.dumps(line)))
    assert (read.id, read.status, read.outcome, read.final) == ("id", "ok", "response", "response")
    assert read.variants["original"].question == "Name a bee.\n\na list"
    assert read.score("response", "ifd") == 0.5
    assert read.score("response", "ppl_given") == 4.0
    assert read.calls["response"]["criticism"] == "Thin."
    assert read.calls["response"]["num_attempts"] == 2
    assert read.decisions["response"]["is_accepted"] is True
