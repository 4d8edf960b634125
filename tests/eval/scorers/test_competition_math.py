from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.dataset import Source, load
from eval.question import Question
from eval.running.scoring import Scoring
from eval.score import SCORER_TIMEOUT, UNANSWERED
from eval.scored_text import scored_text
from eval.scorers.competition_math import COMPETITION_MATH, score, stated
from eval.tasks.competition_math import MATH500

# (gold answer, reply, whether it is right), written before the scorer
CASES = {
    "numbers": [
        (r"42", r"\boxed{42}", True),
        (r"42", r"so we get $\boxed{42}$.", True),
        (r"42", r"\boxed{ 42. }", True),
        (r"-7", r"\boxed{−7}", True),
        (r"7", r"\boxed{-7}", False),
        (r"42", r"\boxed{42.0}", True),
        (r"42", r"\boxed{420}", False),
        (r"0.5", r"\boxed{.5}", True),
        (r"10,\!000", r"\boxed{10{,}000}", True),
        (r"10000", r"\boxed{10,000}", True),
        (r"10,000", r"\boxed{10\,000}", True),
        (r"10000", r"\boxed{10,00}", False),
        (r"1234567", r"\boxed{1,234,567}", True),
        (r"1.23 \times 10^4", r"\boxed{12300}", True),
        (r"1.\overline{3}", r"\boxed{1.3}", False),
    ],
    "fractions": [
        (r"\frac{1}{2}", r"\boxed{\dfrac{1}{2}}", True),
        (r"\frac{1}{2}", r"\boxed{\frac12}", True),
        (r"\frac{1}{2}", r"\boxed{1/2}", True),
        (r"\frac{1}{2}", r"\boxed{0.5}", True),
        (r"\frac{1}{2}", r"\boxed{\tfrac{2}{4}}", True),
        (r"\frac{1}{2}", r"\boxed{\frac{2}{1}}", False),
        (r"-\frac{3}{4}", r"\boxed{\frac{-3}{4}}", True),
        (r"-\frac{3}{4}", r"\boxed{\frac{3}{4}}", False),
        (r"\frac{1}{1+\frac{1}{2}}", r"\boxed{\frac{2}{3}}", True),
        (r"\frac{x}{2}", r"\boxed{\frac{1}{2}x}", True),
        (r"2\frac{1}{2}", r"\boxed{\frac{5}{2}}", True),
        (r"\frac{1}{3}", r"\boxed{0.33}", False),
    ],
    "roots and powers": [
        (r"\sqrt{2}", r"\boxed{\sqrt2}", True),
        (r"\frac{\sqrt{3}}{3}", r"\boxed{\frac{1}{\sqrt{3}}}", True),
        (r"2\sqrt{3}", r"\boxed{\sqrt{12}}", True),
        (r"2\sqrt{3}", r"\boxed{3\sqrt{2}}", False),
        (r"\sqrt[3]{2}", r"\boxed{2^{1/3}}", True),
        (r"2^{10}", r"\boxed{1024}", True),
        (r"3\pi", r"\boxed{9.42}", False),
    ],
    "units": [
        (r"15\text{ cm}", r"\boxed{15}", True),
        (r"15", r"\boxed{15\text{ cm}^2}", True),
        (r"15\mbox{ cm}^2", r"\boxed{15 \text{ cm}^2}", True),
        (r"5", r"\boxed{5 \text{ hours}}", True),
        (r"90^\circ", r"\boxed{90}", True),
        (r"90", r"\boxed{90^{\circ}}", True),
        (r"90^\circ", r"\boxed{90°}", True),
        (r"50", r"\boxed{50\%}", True),
        (r"50\%", r"\boxed{50}", True),
        (r"18.90", r"\boxed{\$18.90}", True),
        (r"\$18.90", r"\boxed{18.9}", True),
        (r"15\text{ cm}", r"\boxed{16\text{ cm}}", False),
    ],
    "text": [
        (r"\text{Evelyn}", r"\boxed{\text{Evelyn}}", True),
        (r"\text{Evelyn}", r"\boxed{Evelyn}", True),
        (r"\text{Evelyn}", r"\boxed{\text{Angela}}", False),
        (r"\text{even}", r"\boxed{\textbf{Even}}", True),
        (r"\text{north}", r"\boxed{\text{thorn}}", False),
        (r"\text{(C)}", r"\boxed{C}", True),
        (r"\text{(C)}", r"\boxed{\textbf{(B)}}", False),
        (r"6:00\text{ p.m.}", r"\boxed{6:00 \text{ a.m.}}", False),
        (r"\text{June 20}", r"\boxed{\text{June }20}", True),
    ],
    "sets and lists": [
        (r"\{1,2,3\}", r"\boxed{\{3,2,1\}}", True),
        (r"1,2,3", r"\boxed{3, 1, 2}", True),
        (r"1,2,3", r"\boxed{1,2}", False),
        (r"1,-2", r"\boxed{-2 \text{ and } 1}", True),
        (r"1 \pm \sqrt{19}", r"\boxed{1+\sqrt{19}, 1-\sqrt{19}}", True),
        (r"1 \pm \sqrt{19}", r"\boxed{1 \pm \sqrt{19}}", True),
        (r"\pm 3", r"\boxed{3}", False),
        (r"\emptyset", r"\boxed{\varnothing}", True),
    ],
    "pairs and intervals": [
        (r"(1,2)", r"\boxed{(1, 2)}", True),
        (r"(1,2)", r"\boxed{(2,1)}", False),
        (r"\left(3,\frac{\pi}{2}\right)", r"\boxed{(3,\pi/2)}", True),
        (r"[1,2)", r"\boxed{\left[1,2\right)}", True),
        (r"[1,2)", r"\boxed{[1,2]}", False),
        (r"[1,2)", r"\boxed{(1,2)}", False),
        (r"(-\infty,2)\cup(3,\infty)", r"\boxed{(-\infty, 2) \cup (3, +\infty)}", True),
        (r"(-\infty,2)", r"\boxed{x < 2}", False),
        (r"x < 2", r"\boxed{(-\infty,2)}", True),
        (r"x \in [-2,7]", r"\boxed{[-2,7]}", True),
    ],
    "matrices": [
        (
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
            r"\boxed{\begin{pmatrix}1&2\\3&4\end{pmatrix}}",
            True,
        ),
        (
            r"\begin{pmatrix} 1/2 \\ 3 \end{pmatrix}",
            r"\boxed{\begin{bmatrix} 0.5 \\ 3 \end{bmatrix}}",
            True,
        ),
        (
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
            r"\boxed{\begin{pmatrix}1&3\\2&4\end{pmatrix}}",
            False,
        ),
    ],
    "expressions": [
        (r"x^2+2x+1", r"\boxed{(x+1)^2}", True),
        (r"x^2+2x+1", r"\boxed{1 + 2x + x^2}", True),
        (r"x^2+2x+1", r"\boxed{x^2+2x-1}", False),
        (r"y=2x+3", r"\boxed{2x+3}", True),
        (r"5", r"\boxed{x = 5}", True),
        (r"5", r"\boxed{x = 6}", False),
        (r"x=3", r"\boxed{y=3}", False),
        (r"y = 2x + 3", r"\boxed{2x - y + 3 = 0}", True),
        (r"p - q", r"\boxed{q - p}", False),
        (r"3 + 4i", r"\boxed{4i + 3}", True),
        (r"\frac{7}{5} + \frac{1}{5} i.", r"\boxed{\frac{7+i}{5}}", True),
        (r"\sin^2 x", r"\boxed{1-\cos^2 x}", True),
        (r"\infty", r"\boxed{-\infty}", False),
    ],
    "bases": [
        (r"152A_{11}", r"\boxed{152A_{11}}", True),
        (r"2012_3", r"\boxed{2012_{3}}", True),
        (r"2012_3", r"\boxed{2012_{4}}", False),
        (r"2012_3", r"\boxed{2021_3}", False),
    ],
    "where the answer is": [
        (r"2", r"First \boxed{1}, then \boxed{2}", True),
        (r"1", r"First \boxed{1}, then \boxed{2}", False),
        (r"\frac{1}{2}", r"\boxed{\frac{1}{2}} is what \(\frac{1}{3}\) is not", True),
        (r"42", r"\boxed{42", True),
        (r"42", r"\boxed 42", True),
        (r"42", r"\fbox{42}", True),
        (r"42", r"\boxed{42} \boxed{}", True),
        (r"42", r"\boxed{\boxed{42}}", True),
        (r"42", r"\boxed{\text{The answer is } 42}", True),
        (r"\frac{3}{4}", r"The final answer is $\frac{3}{4}$. I hope it is correct.", True),
        (r"\frac{3}{4}", r"Therefore the answer is $\frac{6}{8}$.", True),
        (r"7", "The answer is 7.", True),
        (r"7", "The answer is 8.", False),
        (r"7", "I cannot say.", False),
        (r"7", "", False),
        (r"7", r"<thinking>\boxed{7}</thinking><output>\boxed{8}</output>", False),
        (r"7", r"<thinking>\boxed{8}</thinking><output>\boxed{7}</output>", True),
        (r"7", r"<thinking>it is \boxed{7}", False),
    ],
}
COMMANDS = [
    *(r"\boxed{", r"\frac", r"\sqrt", r"\text{", r"\{", r"\}", r"\cup", r"\infty", r"\pm"),
    "answer: ",
]
HANGING = [
    r"\boxed{9^{9^{9^{9}}}}",
    r"\boxed{((99999!)!)!}",
    r"\boxed{\binom{10^{12}}{10^{11}}}",
    r"\boxed{(a+b+c+d+e+f+g+h)^{300}}",
]
HOSTILE = [
    r"\boxed{" + "{" * 10_000 + "1" + "}" * 10_000 + "}",
    r"\boxed{" + "(" * 10_000 + "1" + ")" * 10_000 + "}",
    r"\boxed{" + r"\frac{1}{" * 2_000 + "2" + "}" * 2_000 + "}",
    r"\boxed{" * 10_000,
    "\\boxed{\n" * 10_000,
    r"\boxed{" + "+".join(f"x_{{{k}}}^{{{k}}}" for k in range(5_000)) + "}",
    r"\boxed{" + "1" * 1_000_000 + "}",
    "$" * 1_000_000,
    r"\frac" * 200_000,
    "the answer is " * 80_000,
    "answer: $" + "x=" * 50_000,
    "1" * 1_000_000,
    "1," * 500_000,
    "\x00\ud800" * 1_000,
]


def question(gold: str) -> Question:
    return Question(id="q", turns=("?",), gold=gold)


def value(gold: str, reply: str) -> float:
    return score(question(gold), [scored_text(reply)]).value


@pytest.mark.parametrize("kind", CASES)
def test_cases(kind: str) -> None:
    wrongly_scored = [
        (gold, reply) for gold, reply, is_right in CASES[kind] if value(gold, reply) != is_right
    ]
    assert wrongly_scored == []


def test_there_are_eighty_cases_and_a_quarter_of_them_is_wrong() -> None:
    verdicts = [is_right for cases in CASES.values() for _, _, is_right in cases]
    assert len(verdicts) >= 80
    assert verdicts.count(False) >= len(verdicts) / 4


def test_hostile_replies_are_wrong_and_neither_hang_nor_harm_the_others() -> None:
    replies = [*HANGING, *HOSTILE, r"\boxed{7}"]
    with Scoring(replace(COMPETITION_MATH, limit_s=3.0)) as scoring:
        scores = scoring.score_all([(question("7"), [reply]) for reply in replies])
    assert [score.value for score in scores] == [0.0] * (len(replies) - 1) + [1.0]
    flags = [score.flags for score in scores]
    assert flags[: len(HANGING)] == [(SCORER_TIMEOUT,)] * len(HANGING)
    assert (SCORER_TIMEOUT,) not in flags[len(HANGING) :]


def test_the_rule_and_what_it_found_are_told() -> None:
    boxed = score(question("2"), [r"\boxed{x = 3}"])
    assert (boxed.rule, boxed.extracted, boxed.details) == ("boxed", "3", {"answer": "x = 3"})
    found = score(question("2"), ["The answer is 3."])
    assert (found.rule, found.extracted) == ("math-verify", "3")
    assert score(question("2"), ["Who knows?"]).flags == (UNANSWERED,)
    assert score(question("2"), []).flags == (UNANSWERED,)


def test_thoughts_state_an_answer_in_a_box_alone() -> None:
    text = stated(question("2"), r"First \boxed{1}. No: \boxed{\frac{4}{2}}, since 3 - 1 = 2.")
    assert text == r"\boxed{\frac{4}{2}}"
    assert score(question("2"), [text]).value == 1
    assert stated(question("2"), "So x = 2.") is None


def test_right_answers_of_every_form_are_one_text_for_a_majority() -> None:
    replies = [r"\boxed{\sqrt{12}}", r"\boxed{2\sqrt3}", r"\boxed{ 2 \sqrt{3} }"]
    assert {score(question(r"2\sqrt{3}"), [reply]).extracted for reply in replies} == {r"2\sqrt{3}"}


def test_sympy_draws_the_same_numbers_for_every_reply() -> None:
    from sympy.core.random import rng

    def draw() -> float:
        assert score(question("x+1"), [r"\boxed{x+2}"]).value == 0
        return rng.random()

    assert draw() == draw()


def test_only_the_last_turn_counts() -> None:
    assert score(question("2"), [r"\boxed{2}", r"\boxed{3}"]).value == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(COMMANDS) | st.sampled_from("{}$ 3x=,()[]-+%"), max_size=12).map(
        "".join
    )
)
def test_no_reply_raises(reply: str) -> None:
    for gold in ("3", r"\frac{x}{3}", "[3,x)"):
        assert score(question(gold), [reply]).value in (0.0, 1.0)


def test_the_published_solutions_of_the_real_data_are_right(data: Path) -> None:
    assert isinstance(MATH500.rows, Source)
    rows = load(MATH500.rows, data).rows
    pairs = [(question(row["answer"]), [row["solution"]]) for row in rows]
    with Scoring(COMPETITION_MATH) as scoring:
        assert [score.value for score in scoring.score_all(pairs)] == [1.0] * 500
