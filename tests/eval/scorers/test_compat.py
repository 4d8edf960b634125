"""The verdicts are held against lm-eval's own filter classes and its own exact match."""

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.scorers import compat
from eval.scorers.lm_eval_files import FILES, task_config
from tests.eval.scorers.replies import PIECES, WRITTEN

TASKS = sorted(FILES)
GOLD = {"gsm8k_cot_llama": "42", "mmlu_cot_llama": "C", "mmlu_llama": "C."}
pytest.importorskip("lm_eval")


def their_verdict(task: str, text: str, gold: str) -> float:
    """Ask lm-eval itself: its filters, one after the other, and its metric."""
    config = task_config(task)
    assert config is not None
    registry = importlib.import_module("lm_eval.api.registry")
    metrics = importlib.import_module("lm_eval.api.metrics")
    importlib.import_module("lm_eval.filters")
    replies: Any = [[text]]
    for step in config["filter_list"][0]["filter"]:
        arguments = {name: value for name, value in step.items() if name != "function"}
        replies = list(registry.get_filter(step["function"])(**arguments).apply(replies, [{}]))
    known = {"regexes_to_ignore", "ignore_case", "ignore_punctuation"}
    options = {name: value for name, value in config["metric_list"][0].items() if name in known}
    result = metrics.exact_match_hf_evaluate(replies, [gold], **options)
    return float(result["exact_match"])


@pytest.mark.parametrize("task", TASKS)
def test_the_task_file_is_found_in_the_installed_package(task: str) -> None:
    config = task_config(task)
    assert config is not None
    assert {"doc_to_text", "filter_list", "metric_list", "dataset_path"} <= set(config)


@pytest.mark.parametrize("task", TASKS)
def test_verdicts_on_the_tables_are_theirs(task: str) -> None:
    gold = GOLD.get(task, "C")
    for text in WRITTEN:
        for asked in {gold, "1000", "A"}:
            assert compat.verdict(task, text, asked) == their_verdict(
                task, stopped(task, text), asked
            )


written = st.one_of(
    st.lists(st.sampled_from([piece for piece in PIECES if "\x00" not in piece]), max_size=12),
    st.lists(st.sampled_from(["The final answer is ", "The best answer is ", "$", "4", "2.", "C"])),
).map("".join)


@given(written, st.sampled_from(TASKS), st.sampled_from(["42", "C", "C.", "1,000"]))
def test_verdicts_on_any_text_are_theirs(text: str, task: str, gold: str) -> None:
    assert compat.verdict(task, text, gold) == their_verdict(task, stopped(task, text), gold)


def stopped(task: str, text: str) -> str:
    """What lm-eval gets of a reply: without what it said itself, up to where it stops."""
    config = task_config(task) or {}
    text = text.rsplit(config["gen_prefix"], maxsplit=1)[-1] if "gen_prefix" in config else text
    for stop in config["generation_kwargs"]["until"]:
        text = text.split(stop)[0]
    return text


def test_the_published_forms_are_right() -> None:
    assert compat.verdict("gsm8k_cot_llama", "The final answer is $1,000.", "1000") == 1
    assert compat.verdict("gsm8k_cot_llama", "#### 1000", "1000") == 0
    assert compat.verdict("mmlu_cot_llama", "The best answer is C.", "C") == 1
    assert compat.verdict("mmlu_cot_llama", "The answer is C.", "C") == 0
    assert compat.verdict("mmlu_llama", " C. Paris", "C") == 1
    assert compat.verdict("mmlu_llama", "The best answer is C.", "C") == 1
    assert compat.verdict("arc_challenge_llama", "C", "C") == 1
    assert compat.verdict("arc_challenge_llama", "As A is not,\nThe best answer is C.", "C") == 1
    assert compat.verdict("arc_challenge_llama", "As A is not, C.", "C") == 0


@pytest.mark.parametrize(("last", "is_right"), [("42", 1), ("43", 0)])
def test_of_several_statements_the_last_one_counts_as_theirs_does(
    last: str, is_right: float
) -> None:
    text = f"The final answer is 41. No: the {last}. The final answer is {last}."
    assert compat.verdict("gsm8k_cot_llama", text, "42") == is_right
    assert their_verdict("gsm8k_cot_llama", text, "42") == is_right


def test_steps_that_are_not_known_give_no_verdict() -> None:
    config = task_config("mmlu_llama") or {}
    other = {"filter": [{"function": "majority_vote"}, {"function": "take_first"}]}
    assert compat.Filter.of(config | {"filter_list": [other]}) is None
