import subprocess
import sys
from pathlib import Path
from typing import Any

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.dataset import Source, load
from eval.errors import EvalError
from eval.question import Question
from eval.running.scoring import Scoring
from eval.score import UNANSWERED
from eval.scorers.instructions import INSTRUCTIONS, prepare, score
from eval.tasks.ifeval import IFEVAL, read

REPLIES = [
    "",
    "Yes.",
    "* one\n* two\n\nP.S. three, four [five] <<six>>",
    '{"json": [1, 2]}',
    "ALL OF IT IS SHOUTED! Is there anything else I can help with?",
    "Ein kurzer deutscher Satz, und noch einer. " * 40,
    "\n\n***\n\n".join(["First paragraph. It has two sentences."] * 6),
]


@pytest.fixture(scope="module", autouse=True)
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the checkers be imported where there is no NLTK data: few read it."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "nltk_data" / "tokenizers" / "punkt_tab" / "english").mkdir(parents=True)
    prepare(folder)


def question(*instructions: tuple[str, dict[str, Any]], id: str = "ifeval-1") -> Question:
    names, kwargs = zip(*instructions, strict=True)
    row = {"instructions": list(names), "kwargs": list(kwargs)}
    return Question(id, ("Write.",), None, row=row)


NO_COMMA: tuple[str, dict[str, Any]] = ("punctuation:no_comma", {})
THREE_WORDS = ("length_constraints:number_words", {"relation": "at least", "num_words": 3})
TITLE: tuple[str, dict[str, Any]] = ("detectable_format:title", {})


def test_the_value_is_one_where_all_are_followed() -> None:
    found = score(question(NO_COMMA, THREE_WORDS), ["One two three."])
    assert (found.value, found.details["strict"], found.flags) == (1.0, [True, True], ())


def test_one_that_is_not_followed_makes_it_wrong_and_is_told() -> None:
    found = score(question(NO_COMMA, THREE_WORDS), ["One, two, three."])
    assert (found.value, found.details["strict"]) == (0.0, [False, True])


def test_loosely_a_first_line_does_not_count_against_it() -> None:
    found = score(question(NO_COMMA, THREE_WORDS), ["Sure, here it is:\nOne two three."])
    assert found.value == 0.0
    assert found.details == {"strict": [False, True], "loose": [True, True]}


def test_a_missing_answer_follows_none_even_what_nothing_would_follow() -> None:
    for texts in ([], [""], [" \n"]):
        found = score(question(NO_COMMA, TITLE), texts)
        assert found.details == {"strict": [False, False], "loose": [False, False]}
        assert (found.value, found.flags) == (0.0, (UNANSWERED,))


def test_an_invalid_letter_is_replaced_by_the_same_one_every_time() -> None:
    letters = ("keywords:letter_frequency", {"letter": "!", "let_frequency": 1})
    asked = [question(letters, id=f"ifeval-{number}") for number in range(40)]
    verdicts = [[score(one, ["aeiou"]).value for one in asked] for _ in range(3)]
    assert verdicts[0] == verdicts[1] == verdicts[2]
    assert set(verdicts[0]) == {0.0, 1.0}  # it is drawn anew for each question


def test_a_language_is_detected_the_same_every_time() -> None:
    one = question(("language:response_language", {"language": "pt"}))
    for between in ("casa grande", "uma casa de la plaza", "no te la como", "ola, e tu?"):
        assert len({score(one, [between]).value for _ in range(20)}) == 1


def test_the_checkers_come_without_lm_eval_itself() -> None:
    program = (
        "import sys; from pathlib import Path; from eval.scorers.instructions import *\n"
        "from eval.scorers.instructions import _checkers\n"
        "print(_checkers().__name__, 'lm_eval' in sys.modules, 'datasets' in sys.modules)"
    )
    environment = {"NLTK_DATA": nltk.data.path[0], "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.stdout == "lm_eval.tasks.ifeval.utils False False\n", done.stderr


def test_without_nltk_s_data_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(EvalError, match=r"python -m nltk.downloader punkt_tab"):
        prepare(tmp_path)
    with pytest.raises(EvalError, match="NLTK_DATA"):
        prepare(None)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_no_reply_raises(text: str) -> None:
    one = question(NO_COMMA, THREE_WORDS, TITLE, ("detectable_format:json_format", {}))
    assert score(one, [text]).value in (0.0, 1.0)


def test_the_same_replies_to_the_real_prompts_have_the_same_scores_in_any_process(
    data: Path,
) -> None:
    assert isinstance(IFEVAL.rows, Source)
    questions = read(load(IFEVAL.rows, data).rows, [])
    pairs = [(one, [REPLIES[n % len(REPLIES)]]) for n, one in enumerate(questions)]
    with Scoring(INSTRUCTIONS, workers=2, data=data) as scoring:
        first = scoring.score_all(pairs)
    with Scoring(INSTRUCTIONS, workers=1, data=data) as scoring:
        second = scoring.score_all(pairs[::-1])[::-1]
    assert first == second
    assert all(len(one.details["strict"]) for one in first)
    assert 0 < sum(one.value for one in first) < len(first)
