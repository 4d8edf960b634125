from collections import Counter
from pathlib import Path

from eval.dataset import Source, load
from eval.tasks.pairwise import PAIRWISE


def test_the_input_stands_below_the_instruction() -> None:
    row = {"id": "s-1", "set": "sinstruct", "instruction": "Add them.", "input": "1, 2"}
    asked, plain = PAIRWISE.read([row, row | {"input": ""}], ())
    assert (asked.turns, asked.group) == (("Add them.\n\n1, 2",), "sinstruct")
    assert plain.turns == ("Add them.",)


def test_the_published_sets_have_their_sizes(data: Path) -> None:
    assert isinstance(PAIRWISE.rows, Source)
    questions = PAIRWISE.read(load(PAIRWISE.rows, data).rows, ())
    sizes = {"vicuna": 80, "koala": 180, "wizardlm": 218, "sinstruct": 252, "lima": 300}
    assert Counter(question.group for question in questions) == sizes
    assert len({question.id for question in questions}) == 1030
