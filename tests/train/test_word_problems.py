import itertools
import random
import re

from train import word_problems
from train.segments import Kind, Split
from train.templates import (
    HELD_OUT_NAMES,
    HELD_OUT_TEMPLATES,
    NAMES,
    OBJECTS,
    PLACES,
    TEMPLATES,
)
from train.word_problems import HELD_OUT_NUMBERS, Step, WordProblem, example, is_fresh, mistake

N = 400


def problems(split: Split) -> list[WordProblem]:
    return [example(5, index, split=split).problem for index in range(N)]


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


def test_an_example_is_a_pure_function_of_seed_and_index() -> None:
    first = [example(3, index, p_mistake=0.5) for index in range(20)]
    random.seed(0)
    assert [example(3, index, p_mistake=0.5) for index in reversed(range(20))][::-1] == first
    assert example(4, 0) != example(3, 0)


def test_the_steps_solve_the_problem_and_the_reply_says_so() -> None:
    for index in range(N):
        found = example(1, index, p_mistake=0.3)
        steps = found.problem.steps
        assert 1 <= len(steps) <= word_problems.MAX_STEPS
        assert all(0 < step.after <= word_problems.MAX_VALUE for step in steps)
        assert all(a.after == b.before for a, b in itertools.pairwise(steps))
        assert found.reply.endswith(f"<output>{steps[-1].after}</output>")


def test_the_checker_takes_the_number_and_nothing_else() -> None:
    problem = WordProblem("?", (Step(3, "+", 4),), (3, 4))
    assert problem.is_right("7")
    assert problem.is_right(" 7\n")
    assert not any(problem.is_right(text) for text in ("8", "", "7.", "+7", "07", "7 8", "seven"))


def test_training_uses_no_held_out_name_number_or_sentence() -> None:
    patterns = [sentence_pattern(t) for kind in HELD_OUT_TEMPLATES.values() for t in kind]
    for problem in problems(Split.TRAIN) + problems(Split.FRESH):
        assert not set(problem.numbers) & set(HELD_OUT_NUMBERS)
        assert not any(name in problem.prompt for name in HELD_OUT_NAMES)
        assert not any(pattern.search(problem.prompt) for pattern in patterns)


def test_fresh_questions_are_none_that_training_draws() -> None:
    assert all(is_fresh(problem.prompt) for problem in problems(Split.FRESH))
    assert not any(is_fresh(problem.prompt) for problem in problems(Split.TRAIN))


def test_the_split_of_templates_uses_held_out_names_and_sentences() -> None:
    patterns = [sentence_pattern(t) for t in HELD_OUT_TEMPLATES["start"]]
    for problem in problems(Split.TEMPLATES):
        assert not any(re.search(rf"\b{name}\b", problem.prompt) for name in NAMES)
        assert any(pattern.match(problem.prompt) for pattern in patterns)


def test_the_split_of_numbers_has_a_held_out_number_in_every_problem() -> None:
    assert all(set(p.numbers) & set(HELD_OUT_NUMBERS) for p in problems(Split.NUMBERS))


def test_held_out_sentences_are_not_training_sentences() -> None:
    for kind, sentences in HELD_OUT_TEMPLATES.items():
        assert not set(sentences) & set(TEMPLATES[kind])


def test_a_mistake_masks_only_the_wrong_sign_or_number() -> None:
    rng = random.Random(1)
    step = Step(12, "+", 4)
    for _ in range(50):
        segments = mistake(rng, step, (12, 4, 6))
        masked = [segment for segment in segments if not segment.loss]
        line = "".join(s.text for s in segments if s.kind is Kind.WRONG)
        assert len(masked) == 1
        before, sign, operand, _, after = line.split()
        assert masked[0].text == (sign if sign != "+" else operand)
        assert Step(int(before), sign, int(operand)).after == int(after) != step.after
        assert segments[-1].kind is Kind.REFLECTION
        assert masked[0].text in segments[-1].text
