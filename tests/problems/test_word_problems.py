import itertools
import json
import re

from problems import word_problems
from problems.split import Split
from problems.step import Step
from problems.templates import (
    HELD_OUT_NAMES,
    HELD_OUT_TEMPLATES,
    NAMES,
    OBJECTS,
    PLACES,
    TEMPLATES,
)
from problems.word_problems import HELD_OUT_NUMBERS, WordProblem, is_fresh, problem, source

N = 400


def problems(split: Split) -> list[WordProblem]:
    return [problem(source(split, 5, index), split) for index in range(N)]


def sentence_pattern(template: str) -> re.Pattern[str]:
    words = {
        "n": "|".join(NAMES + HELD_OUT_NAMES),
        "m": "|".join(NAMES + HELD_OUT_NAMES),
        "o": "|".join(OBJECTS),
        "p": "|".join(PLACES),
        "a": r"\d+",
        "b": r"\d+",
    }
    pattern = re.escape(template)
    for letter, choice in words.items():
        pattern = pattern.replace(re.escape("{" + letter + "}"), f"(?:{choice})")
    return re.compile(pattern)


def test_the_steps_solve_the_problem_within_the_bounds() -> None:
    for found in problems(Split.FRESH):
        assert 1 <= len(found.steps) <= word_problems.MAX_STEPS
        assert all(0 < step.after <= word_problems.MAX_VALUE for step in found.steps)
        assert all(a.after == b.before for a, b in itertools.pairwise(found.steps))
        assert found.gold == str(found.steps[-1].after)


def test_the_checker_takes_the_number_and_nothing_else() -> None:
    problem = WordProblem("?", (Step(3, "+", 4),), (3, 4))
    assert problem.is_right("7")
    assert problem.is_right(" 7\n")
    assert not any(problem.is_right(text) for text in ("8", "", "7.", "+7", "07", "7 8", "seven"))


def test_training_uses_no_held_out_name_number_or_sentence() -> None:
    patterns = [sentence_pattern(t) for kind in HELD_OUT_TEMPLATES.values() for t in kind]
    for found in problems(Split.TRAIN) + problems(Split.FRESH):
        assert not set(found.numbers) & set(HELD_OUT_NUMBERS)
        assert not any(name in found.prompt for name in HELD_OUT_NAMES)
        assert not any(pattern.search(found.prompt) for pattern in patterns)


def test_fresh_questions_are_none_that_training_draws() -> None:
    assert all(is_fresh(found.prompt) for found in problems(Split.FRESH))
    assert not any(is_fresh(found.prompt) for found in problems(Split.TRAIN))


def test_the_split_of_templates_uses_held_out_names_and_sentences() -> None:
    patterns = [sentence_pattern(t) for t in HELD_OUT_TEMPLATES["start"]]
    for found in problems(Split.TEMPLATES):
        assert not any(re.search(rf"\b{name}\b", found.prompt) for name in NAMES)
        assert any(pattern.match(found.prompt) for pattern in patterns)


def test_the_split_of_numbers_has_a_held_out_number_in_every_problem() -> None:
    assert all(set(p.numbers) & set(HELD_OUT_NUMBERS) for p in problems(Split.NUMBERS))


def test_held_out_sentences_are_not_training_sentences() -> None:
    for kind, sentences in HELD_OUT_TEMPLATES.items():
        assert not set(sentences) & set(TEMPLATES[kind])


def test_a_problem_comes_back_from_json() -> None:
    for found in problems(Split.NUMBERS)[:20]:
        assert WordProblem.from_row(json.loads(json.dumps(found.to_row()))) == found
