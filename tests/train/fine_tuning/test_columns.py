from pathlib import Path

from tests.train.fine_tuning.tiny import demo_tokenizer, make_rows, make_run
from train.building.dataset import KINDS, MASKED, load_built
from train.fine_tuning.columns import count_kinds, lengths


def test_lengths_and_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    make_run(tmp_path)
    rows, train = make_rows(demo_tokenizer()), load_built(tmp_path / "run" / "built").train
    assert lengths(train).tolist() == [len(row) for row in rows]
    of_all, of_targets = count_kinds(train)
    for at in range(len(KINDS)):
        assert of_all[at] == sum((row.kinds == at).sum() for row in rows)
        assert of_targets[at] == sum(
            ((row.kinds == at) & (row.labels != MASKED)).sum() for row in rows
        )
    assert of_targets[KINDS.index("wrong")] == 0 < of_all[KINDS.index("wrong")]
