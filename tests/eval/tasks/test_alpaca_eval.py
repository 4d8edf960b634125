import csv
import math
from pathlib import Path

import pytest

from estimates.means import mean, standard_error
from eval.dataset import Source, load
from eval.judges.judging import reference_texts
from eval.tasks.alpaca_eval import ALPACA_EVAL


def test_the_references_stay_with_the_question() -> None:
    row = {
        "id": "alpaca_eval-0",
        "dataset": "koala",
        "instruction": "Hello?",
        "reference_text_davinci_003": "Hi.",
        "reference_gpt4_1106_preview": "Hello! How can I help?",
    }
    (question,) = ALPACA_EVAL.read([row], ())
    assert (question.turns, question.group) == (("Hello?",), "koala")
    assert reference_texts(question, "text_davinci_003") == ["Hi."]


@pytest.mark.parametrize(
    ("name", "published"), [("gpt4_1106_preview", 2049), ("text_davinci_003", 307)]
)
def test_the_references_have_the_published_mean_length(
    data: Path, name: str, published: int
) -> None:
    assert isinstance(ALPACA_EVAL.rows, Source)
    questions = ALPACA_EVAL.read(load(ALPACA_EVAL.rows, data).rows, ())
    lengths = [len(reference_texts(question, name)[0]) for question in questions]
    assert len(lengths) == 805
    assert int(mean(lengths)) == published


def test_the_published_win_rates_and_errors_follow_from_the_published_counts(data: Path) -> None:
    """Of three of the 102 rows the rate follows and the error does not, for whatever reason."""
    folder = data / "alpaca_eval"
    with (folder / "alpaca_eval_gpt4_leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [row[""] for row in rows if not _follows(row)]
    assert len(rows) == 102
    assert wrong == ["humpback-llama2-70b", "humpback-llama-65b", "baize-v2-7b"]


def _follows(row: dict[str, str]) -> bool:
    wins, losses, draws = (int(row[name]) for name in ("n_wins", "n_wins_base", "n_draws"))
    values = [1.0] * wins + [0.0] * losses + [0.5] * draws
    rate, error = 100 * mean(values), 100 * standard_error(values)
    return math.isclose(rate, float(row["win_rate"]), rel_tol=1e-9) and math.isclose(
        error, float(row["standard_error"]), rel_tol=1e-9
    )
