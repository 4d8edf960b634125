import shlex
from typing import Any

from eval.reports.recompute import command, facts

MANIFEST: dict[str, Any] = {
    "task": "gsm8k",
    "model": "reflect 8b",
    "status": "finished",
    "digest": "d" * 64,
    "protocol": {"few_shot": 8, "system": "Think; then $answer.", "temperature": 0.0},
    "treatment": {
        "effort": "high",
        "seed": 7,
        "epochs": 4,
        "repeat": 1,
        "fields": {"reflection": {"max_thinking_tokens": 64}},
    },
    "data": {"origin": "test.jsonl", "sha256": "e" * 64, "limit": 200},
    "scorer": {"name": "numbers", "version": 3},
    "versions": {"python": "3.11.9", "packages": {"aiohttp": "3.12.0"}},
}


def test_the_command_asks_in_the_same_way() -> None:
    assert shlex.split(command(MANIFEST)) == [
        *("reflect", "eval", "run", "gsm8k", "--model", "reflect 8b", "--few-shot", "8"),
        *("--system", "Think; then $answer.", "--temperature", "0", "--effort", "high"),
        *("--seed", "7", "--epochs", "4"),
        *("--field", 'reflection={"max_thinking_tokens": 64}', "--limit", "200", "--data", "DATA"),
    ]


def test_generated_data_need_no_folder_and_an_open_temperature_stays_open() -> None:
    data = {"origin": "generated: n 400, seed 1"}
    protocol = {"few_shot": 0, "temperature": None}
    words = shlex.split(command({"task": "t", "model": "m", "data": data, "protocol": protocol}))
    assert words[-2:] == ["--temperature", "model"]


def test_the_words_of_others_are_asked_for_again() -> None:
    protocol = {"name": "lm-eval", "few_shot": 8, "temperature": 0.12345678}
    words = command({"task": "gsm8k", "model": "m", "protocol": protocol})
    assert "--protocol lm-eval --temperature 0.12345678" in words


def test_facts_leave_out_what_is_not_known() -> None:
    told = dict(facts(MANIFEST))
    assert told["scorer"] == "numbers, version 3"
    assert told["versions"] == "python 3.11.9, aiohttp 3.12.0"
    assert "weights, sha256" not in told
    assert "commit" not in told
