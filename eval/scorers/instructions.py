"""IFEval's instructions, checked by lm-eval's checkers, imported from the installed package."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import random
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from eval.errors import EvalError
from eval.question import Question
from eval.score import UNANSWERED, Score, Scorer

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKERS = "lm_eval.tasks.ifeval.utils"
WANTED = "IFEval is scored with lm-eval's checkers: install the extra `compat`"
PUNKT = "tokenizers/punkt_tab/english"


def score(question: Question, texts: Sequence[str]) -> Score:
    """Check every instruction: the value is 1 where all are followed, strictly.

    Loosely, one is followed if it is without the text's first line, its last line, both, or the
    asterisks. A missing answer follows none.
    """
    text = texts[-1] if texts else ""
    checkers = _checkers()
    row = question.row
    example = checkers.InputExample(
        question.id, list(row["instructions"]), question.turns[0], list(row["kwargs"])
    )
    strict = _followed(checkers.test_instruction_following_strict, example, text)
    loose = _followed(checkers.test_instruction_following_loose, example, text)
    return Score(
        value=float(all(strict)),
        rule="checkers",
        details={"strict": strict, "loose": loose},
        flags=() if text.strip() else (UNANSWERED,),
    )


def prepare(data: Path | None) -> None:
    """Import the checkers and what they read; never let them download it."""
    try:
        import langdetect
        import nltk
    except ImportError as error:
        raise EvalError(f"{WANTED} (no {error.name}).") from error
    langdetect.DetectorFactory.seed = 0
    if data is not None:
        nltk.data.path.insert(0, str(data / "nltk_data"))
    try:
        nltk.data.find(PUNKT)
    except LookupError as error:
        raise EvalError(
            f"IFEval's checkers read NLTK's {PUNKT}: it is neither in nltk_data below the data "
            "folder nor where NLTK_DATA points. `python -m nltk.downloader punkt_tab` loads it."
        ) from error
    _checkers()
    langdetect.detect("It reads the profiles of all languages once.")


def _followed(check: Any, example: Any, text: str) -> list[bool]:
    """Where an argument is missing or invalid, the checkers draw one: the same for every reply."""
    random.seed(hashlib.sha256(example.key.encode()).digest())
    return [bool(is_followed) for is_followed in check(example, text).follow_instruction_list]


@cache
def _checkers() -> ModuleType:
    """Import the checkers' modules without lm-eval itself, whose own imports take many seconds."""
    package = importlib.util.find_spec("lm_eval")
    if package is None or not package.submodule_search_locations:
        raise EvalError(f"{WANTED}.")
    with _hollow_packages(Path(package.submodule_search_locations[0])):
        return importlib.import_module(CHECKERS)


@contextmanager
def _hollow_packages(folder: Path) -> Iterator[None]:
    """Let the modules of `folder` be found below packages whose `__init__` was not run."""
    hollow = {
        "lm_eval": folder,
        "lm_eval.tasks": folder / "tasks",
        "lm_eval.tasks.ifeval": folder / "tasks" / "ifeval",
    }
    before = dict(sys.modules)
    for name, path in hollow.items():
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "lm_eval"]:
            del sys.modules[name]
        sys.modules.update({name: before[name] for name in before if name not in sys.modules})


INSTRUCTIONS = Scorer(
    "instructions",
    1,
    score,
    limit_s=10.0,
    packages=("lm-eval", "nltk", "langdetect"),
    prepare=prepare,
)
