from train.building.erasure import system_prompt, system_prompts
from train.building.settings import Erase

ERASE = Erase("Think, reflect, answer.", "", 0.3, {"maths.jsonl": "Step by step."})


def prompts(seed: int, source: str = "file.jsonl") -> list[str]:
    return [system_prompt(ERASE, seed, str(number), source) for number in range(2000)]


def test_the_share_that_keeps_the_teachers_prompt_is_the_probability() -> None:
    assert 520 < prompts(1).count("Think, reflect, answer.") < 680
    assert set(prompts(1)) == {"Think, reflect, answer.", ""}


def test_the_choice_belongs_to_id_and_seed() -> None:
    assert prompts(1) == prompts(1)
    assert prompts(1) != prompts(2)


def test_a_source_with_a_teachers_prompt_of_its_own_keeps_that() -> None:
    assert set(prompts(1, "maths.jsonl")) == {"Step by step.", ""}


def test_without_erasure_there_is_no_system_prompt() -> None:
    assert system_prompt(None, 1, "a", "file.jsonl") == ""


def test_certain_probabilities_are_certain() -> None:
    always, never = Erase("long", "short", 1.0), Erase("long", "short", 0.0)
    ids = [str(number) for number in range(200)]
    assert {system_prompt(always, 1, id, "") for id in ids} == {"long"}
    assert {system_prompt(never, 1, id, "") for id in ids} == {"short"}


def test_the_prompts_that_are_learned_are_known_by_their_settings() -> None:
    assert system_prompts(ERASE) == {
        "build.erase.teacher_system": "Think, reflect, answer.",
        "build.erase.by_source.maths.jsonl": "Step by step.",
    }
    assert system_prompts(Erase("long", "short")) == {"build.erase.student_system": "short"}
    assert system_prompts(None) == {}
