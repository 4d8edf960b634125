import itertools
import random

from problems import word_problems
from problems.step import Step
from train.segments import Kind
from train.small.word_problems import example, mistake

N = 400


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


def test_a_mistake_masks_only_the_wrong_sign_or_number() -> None:
    rng = random.Random(1)
    step = Step(12, "+", 4)
    for _ in range(50):
        segments = mistake(rng, step, (12, 4, 6))
        masked = [segment for segment in segments if not segment.loss]
        line = "".join(s.text for s in segments if s.kind is Kind.WRONG)
        assert len(masked) == 1
        before, sign, operand, _, after = line.split()
        assert masked[0].text == (f" {sign} " if sign != "+" else operand)
        assert Step(int(before), sign, int(operand)).after == int(after) != step.after
        assert segments[-1].kind is Kind.REFLECTION
        assert masked[0].text.strip() in segments[-1].text
