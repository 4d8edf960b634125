import hashlib

import pytest

from train.recycling.parsing import BETTER_ANSWER, NEW_ANSWER, NEW_INSTRUCTION
from train.recycling.prompts import FOLDER, INSTRUCTION, RESPONSE, SYSTEM, render, text
from train.sample import Sample

SAMPLE = Sample("Sum it up.", "Short.", "A long text.")
VERSIONS = {
    SYSTEM: "5f83af30b209444e",
    INSTRUCTION: "165ee7f2c880f5cd",
    RESPONSE: "69ff64734f70de95",
}  # a changed text is a file of its own


@pytest.mark.parametrize("name", [INSTRUCTION, RESPONSE])
def test_a_prompt_shows_instruction_input_and_answer_each_once(name: str) -> None:
    system, user = render(name, SAMPLE)
    assert (system["role"], user["role"]) == ("system", "user")
    for shown in ("Sum it up.", "A long text.", "\nShort.\n"):
        assert user["content"].count(shown) == 1


@pytest.mark.parametrize("name", [INSTRUCTION, RESPONSE])
def test_without_an_input_none_is_spoken_of(name: str) -> None:
    asked = render(name, Sample("Sum it up.", "Short."))[1]["content"]
    assert "nput" not in asked
    assert "\n\n\n" not in asked


@pytest.mark.parametrize(
    ("name", "criteria"),
    [
        (INSTRUCTION, ["complex", "detail", "knowledge", "ambiguous", "logical reasoning"]),
        (INSTRUCTION, ["helpful", "keeps to what was asked", "accurate", "detailed"]),
        (RESPONSE, ["helpful", "keeps to what was asked", "accurate", "detailed"]),
    ],
)
def test_the_criteria_of_the_papers_are_asked_for(name: str, criteria: list[str]) -> None:
    assert [word for word in criteria if word not in text(name)] == []


@pytest.mark.parametrize(
    ("name", "blocks"),
    [(INSTRUCTION, (NEW_INSTRUCTION, NEW_ANSWER)), (RESPONSE, (BETTER_ANSWER,))],
)
def test_the_markers_shown_are_those_that_are_read(name: str, blocks: tuple[str, ...]) -> None:
    asked = render(name, SAMPLE)[1]["content"]
    assert [asked.count(f"[{block}]\n[End of {block}]") for block in blocks] == [1] * len(blocks)


def test_texts_are_never_read_as_a_template() -> None:
    sample = Sample("{{ response }} {% raw %}", "{{ 1/0 }}")
    assert "{{ response }} {% raw %}" in render(RESPONSE, sample)[1]["content"]


def test_the_published_texts_are_fixed_since_replies_are_kept_by_them() -> None:
    found = {name: hashlib.sha256(text(name).encode()).hexdigest()[:16] for name in VERSIONS}
    assert found == VERSIONS


def test_every_file_of_prompts_is_in_use() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(VERSIONS)
