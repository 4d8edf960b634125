from collections.abc import Sequence
from pathlib import Path

import pytest

from estimates.clusters import bootstrap
from eval.dataset import Source, load
from eval.question import Question
from eval.sample import Sample
from eval.tasks.ifeval import IFEVAL, figures, read
from tests.eval.made_up import failed, sample

ROW = {
    "key": 1000,
    "prompt": "Write no comma, and three words.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"relation": "at least", "num_words": 3}],
}


def followed(id: str, strict: list[bool], loose: list[bool] | None = None) -> Sample:
    return sample(id, float(all(strict)), details={"strict": strict, "loose": loose or strict})


def questions(*ids: str, kinds: Sequence[str] = ("a:x", "b:y")) -> dict[str, Question]:
    return {
        id: Question(id, ("?",), None, row={"instructions": list(kinds), "kwargs": [{}] * 2})
        for id in ids
    }


def test_the_prompt_is_asked_as_it_is() -> None:
    (question,) = read([ROW], [])
    assert (question.id, question.turns, question.gold) == ("ifeval-1000", (ROW["prompt"],), None)
    assert question.row == {
        "instructions": ROW["instruction_id_list"],
        "kwargs": ROW["kwargs"],
    }


def test_the_four_accuracies_and_their_mean() -> None:
    samples = [
        followed("a", [True, True]),
        followed("b", [True, False], [True, True]),
        followed("c", [False, False]),
        followed("d", [True, False]),
    ]
    found = figures(questions("a", "b", "c", "d"), samples)
    values = {name: part["value"] for name, part in found.items() if name != "kinds"}
    assert values == {
        "prompt_strict": 1 / 4,
        "prompt_loose": 2 / 4,
        "instruction_strict": 4 / 8,
        "instruction_loose": 5 / 8,
        "mean_of_four": (1 / 4 + 2 / 4 + 4 / 8 + 5 / 8) / 4,
    }
    assert (found["mean_of_four"]["n"], found["instruction_strict"]["n"]) == (4, 8)
    assert {name: part["value"] for name, part in found["kinds"].items()} == {
        "a": 3 / 4,
        "b": 1 / 4,
    }


def test_what_failed_and_what_timed_out_follow_nothing_and_stay_in_the_denominators() -> None:
    timed_out = sample("b", 0.0, flags=("scorer_timeout",))
    found = figures(questions("a", "b", "c"), [followed("a", [True, True]), timed_out, failed("c")])
    for name in ("prompt_strict", "instruction_strict", "mean_of_four"):
        assert found[name]["value"] == pytest.approx(1 / 3)
    assert found["instruction_loose"]["n"] == 6


def test_the_interval_of_instructions_is_the_bootstrap_s_over_prompts() -> None:
    ids = [f"q{number}" for number in range(120)]
    strict = [[number % 3 > 0, number % 3 > 0 or number % 5 == 0] for number in range(120)]
    found = figures(questions(*ids), [followed(*pair) for pair in zip(ids, strict, strict=True)])
    parts = [(float(part), id) for id, both in zip(ids, strict, strict=True) for part in both]
    drawn = bootstrap([part for part, _ in parts], [id for _, id in parts], seed=0)
    assert found["instruction_strict"]["low"] == pytest.approx(drawn.low, abs=0.01)
    assert found["instruction_strict"]["high"] == pytest.approx(drawn.high, abs=0.01)
    means = [(all(both) + sum(both) / 2) / 2 for both in strict]
    drawn = bootstrap(means, ids, seed=0)
    assert found["mean_of_four"]["low"] == pytest.approx(drawn.low, abs=0.01)
    assert found["mean_of_four"]["high"] == pytest.approx(drawn.high, abs=0.01)


def test_the_same_prompt_asked_twice_is_no_better_known() -> None:
    once = [followed("a", [True, True]), followed("b", [True, False]), followed("c", [False, True])]
    one, two = (figures(questions("a", "b", "c"), once * times) for times in (1, 2))
    assert two["mean_of_four"]["low"] == pytest.approx(one["mean_of_four"]["low"])


def test_the_hub_gives_the_rows_of_the_file() -> None:
    assert isinstance(IFEVAL.rows, Source)
    assert IFEVAL.rows.hub is not None
    nothing = {"relation": None, "num_words": None}
    theirs = ROW | {"kwargs": [nothing, {"relation": "at least", "num_words": 3}]}
    assert IFEVAL.rows.hub.convert(theirs, 0) == ROW


def test_the_real_data_are_read(data: Path) -> None:
    assert isinstance(IFEVAL.rows, Source)
    found = read(load(IFEVAL.rows, data).rows, [])
    assert len({question.id for question in found}) == 541
    assert sum(len(question.row["instructions"]) for question in found) == 834
