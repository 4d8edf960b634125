import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from decoding.bundle import Bundle, GoldenReply
from decoding.format import ReplyFormat
from train.building.dataset import Built
from train.building.settings import Build, Erase
from train.config import Config
from train.exporting.contract import stop_ids, write_contract
from train.exporting.settings import Export
from train.settings import Run

GOLDEN = [GoldenReply((1, 2), (3,))]


class Tokenizer:
    eos_token_id = 7


def built(
    kinds: list[list[int]],
    format: ReplyFormat | None = None,
    systems: dict[str, int] | None = None,
    copies: tuple[int, ...] = (),
) -> Built:
    manifest = {
        "reply_format": (format or ReplyFormat()).to_dict(),
        "end_of_turn_id": 9,
        "system_prompts": systems or {"": len(kinds)},
    }
    copies = copies or (0,) * len(kinds)
    rows = [{"kinds": row, "copy": copy} for row, copy in zip(kinds, copies, strict=True)]
    return Built(Dataset.from_list(rows), None, manifest, Path())


def written(folder: Path, config: Config, data: Built | None, positions: int | None) -> Bundle:
    (folder / "config.json").write_text("{}")
    write_contract(config, folder, data, (7,), GOLDEN, positions)
    return Bundle.load(folder)


def test_budgets_and_efforts_are_those_of_the_data(tmp_path: Path) -> None:
    data = built([[0, 1, 1, 3, 4, 5, 5], [0, *[1] * 30, 5]])
    bundle = written(tmp_path, Config(Run("a", tmp_path)), data, 1024)
    assert bundle.efforts == {"minimal": 8, "low": 8, "medium": 8, "high": 32}
    assert bundle.budgets.max_thinking_tokens == 32
    assert bundle.budgets.min_answer_tokens == 8
    assert bundle.budgets.max_tokens == 48
    assert bundle.golden_replies == tuple(GOLDEN)


def test_the_second_copy_of_a_reply_makes_no_effort_larger(tmp_path: Path) -> None:
    short, long = [0, 1, 5], [0, *[1] * 30, 5]
    data = built([short, short, long, long], copies=(0, 0, 0, 1))
    bundle = written(tmp_path, Config(Run("a", tmp_path)), data, 1024)
    assert bundle.efforts == {"minimal": 8, "low": 8, "medium": 8, "high": 32}


def test_the_format_is_the_one_that_was_taught_or_the_freest(tmp_path: Path) -> None:
    config = Config(Run("a", tmp_path))
    taught = ReplyFormat(thinking="thought", max_blank=2)
    assert written(tmp_path, config, built([[0, 1, 5]], taught), None).format == taught
    assert written(tmp_path, config, None, None).format == ReplyFormat(is_thinking_optional=True)


def test_defaults_are_no_larger_than_the_context(tmp_path: Path) -> None:
    bundle = written(tmp_path, Config(Run("a", tmp_path)), built([[0, *[1] * 60, 5]]), 40)
    assert (bundle.budgets.max_tokens, bundle.budgets.max_thinking_tokens) == (40, 40)


def test_of_a_model_tuned_elsewhere_the_system_prompt_is_the_students_or_the_named(
    tmp_path: Path,
) -> None:
    erased = Config(Run("a", tmp_path), build=Build(erase=Erase("long", "Think first.")))
    assert written(tmp_path, erased, None, None).system_prompt == "Think first."
    named = replace(erased, export=Export(system_prompt="Short."))
    assert written(tmp_path, named, None, None).system_prompt == "Short."
    empty = Config(Run("a", tmp_path), build=Build(erase=Erase("long", "")))
    assert written(tmp_path, empty, None, None).system_prompt is None


@pytest.mark.parametrize(
    ("student", "taught", "expected"),
    [
        ("Think.", {"Think.": 1, "": 9}, "Think."),
        ("Think.", {"Former.": 6, "": 4}, "Former."),
        ("Think.", {"Former.": 4, "": 6}, None),
        ("", {"Former.": 6, "": 4}, None),
        ("", {"Former.": 6}, "Former."),
    ],
)
def test_the_system_prompt_is_one_that_was_taught(
    tmp_path: Path, student: str, taught: dict[str, int], expected: str | None
) -> None:
    config = Config(Run("a", tmp_path), build=Build(erase=Erase("long", student)))
    data = built([[0, 1, 5]], systems=taught)
    assert written(tmp_path, config, data, None).system_prompt == expected
    named = replace(config, export=Export(system_prompt="Short."))
    assert written(tmp_path, named, data, None).system_prompt == "Short."


def test_what_samples_is_where_every_tool_looks(tmp_path: Path) -> None:
    config = Config(Run("a", tmp_path), export=Export(temperature=0.5, top_p=0.9))
    written(tmp_path, config, None, None)
    found: dict[str, Any] = json.loads((tmp_path / "generation_config.json").read_text())
    assert (found["temperature"], found["top_p"], found["eos_token_id"]) == (0.5, 0.9, [7])


def test_a_reply_stops_where_it_was_taught_to_and_where_the_model_does_anyway() -> None:
    assert stop_ids({"eos_token_id": [5, 7]}, Tokenizer(), built([[0, 5]])) == (9, 7, 5)
    assert stop_ids({}, Tokenizer(), None) == (7,)
    assert stop_ids({"eos_token_id": 4}, Tokenizer(), None) == (7, 4)
