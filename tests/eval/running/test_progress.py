import asyncio
import io
from dataclasses import replace

from client.turn import Failure, Turn
from eval.measures.usage import Prices
from eval.running.progress import Progress
from eval.sample import Sample
from eval.score import Score

TURN = Turn("4", usage={"prompt_tokens": 100, "completion_tokens": 20})
RIGHT = Sample("a", 0, "", "0" * 64, turns=(TURN,), score=Score(1.0))
WRONG = replace(RIGHT, id="b", score=Score(0.0))
ERROR = replace(RIGHT, id="c", turns=(), score=None, failure=Failure("no", 400), flags=("error",))
EMPTY = replace(WRONG, id="d", turns=(Turn(""),), flags=("empty",))


def shown(*samples: Sample, elapsed_s: float = 2.0, prices: Prices | None = None) -> str:
    progress = Progress("sums demo", 8, prices=prices)
    for sample in samples:
        progress.add(sample)
    return progress.line(elapsed_s)


def test_errors_and_empty_answers_are_in_the_accuracy_and_on_the_screen() -> None:
    line = shown(RIGHT, WRONG, ERROR, EMPTY)
    assert line.startswith("sums demo  4/8 · accuracy 25.0 [4.6, 69.9] · 1 errors · 1 empty")


def test_speed_time_left_and_tokens_are_told() -> None:
    assert shown(RIGHT, WRONG).endswith("1/s · 0:06 left · 20 tokens/s")
    assert "1:40:00 left" in shown(RIGHT, WRONG, elapsed_s=2000.0)


def test_prices_give_the_cost_so_far() -> None:
    assert shown(RIGHT, RIGHT, prices=Prices(1.0, 10.0)).endswith("cost 0.0006")


def test_before_the_first_sample_there_is_no_figure() -> None:
    assert shown() == "sums demo  0/8"


def test_scores_between_right_and_wrong_are_a_mean() -> None:
    assert "mean 75.0" in shown(RIGHT, replace(RIGHT, score=Score(0.5)))


def test_what_was_answered_before_counts_for_the_accuracy_but_not_for_the_speed() -> None:
    progress = Progress("sums demo", 8)
    progress.resume([RIGHT, RIGHT, ERROR])
    progress.add(WRONG)
    assert progress.line(1.0).startswith("sums demo  3/8 · accuracy 66.7")
    assert "1/s · 0:05 left" in progress.line(1.0)


def test_what_a_judge_decides_has_no_accuracy_yet() -> None:
    progress = Progress("mt_bench demo", 8, is_scored=False)
    progress.add(replace(RIGHT, score=None))
    assert "accuracy" not in progress.line(1.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def shown_on(output: io.StringIO) -> str:
    async with Progress("sums demo", 2, output=output) as progress:
        progress.add(RIGHT)
        await asyncio.sleep(0.3)
        progress.add(WRONG)
    return output.getvalue()


async def test_a_terminal_keeps_one_line_and_its_last_state() -> None:
    text = await shown_on(Terminal())
    assert text.count("\n") == 1
    assert text.count("\r") >= 2
    assert "2/2" in text.rpartition("\r")[2]


async def test_elsewhere_whole_lines_come_seldom() -> None:
    text = await shown_on(io.StringIO())
    assert text.count("\n") == 1
    assert text.startswith("sums demo  2/2")
