"""Scorers for the tests of scoring: they hang, crash, raise and eat the memory on command."""

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvalError
from eval.question import Question
from eval.score import Score, Scorer

LIMIT_S = 0.2


def score(question: Question, texts: Sequence[str]) -> Score:
    match texts[0]:
        case "hang":
            while True:
                pass
        case "sleep":
            time.sleep(3600)
        case "crash":
            os._exit(7)
        case "raise":
            raise RecursionError("too deep")
        case "eat":
            return Score(len("x" * (3 << 30)))
        case "order of a set":
            return Score(0, extracted=" ".join(set("abcdefghij")))
        case "process":
            return Score(1, extracted=str(os.getpid()))
    return Score(float(texts[0] == question.gold), extracted=texts[0])


def import_slowly(data: Path | None) -> None:
    until = time.process_time() + 2 * LIMIT_S
    while time.process_time() < until:
        random.random()


def want_data(data: Path | None) -> None:
    if data is None:
        raise EvalError("no data: give --data")


def die(data: Path | None) -> None:
    os._exit(3)


IN_WORKERS = Scorer("fails", 1, score, limit_s=LIMIT_S)
IN_A_HURRY = Scorer("fails", 1, score, limit_s=0.02)
IN_PLACE = Scorer("fails", 1, score)
SLOW_TO_IMPORT = Scorer("fails", 1, score, limit_s=LIMIT_S, prepare=import_slowly)
WANTS_DATA = Scorer("fails", 1, score, limit_s=LIMIT_S, prepare=want_data)
WANTS_DATA_IN_PLACE = Scorer("fails", 1, score, prepare=want_data)
DIES_EARLY = Scorer("fails", 1, score, limit_s=LIMIT_S, prepare=die)
