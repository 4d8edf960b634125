from collections import Counter
from pathlib import Path

from eval.dataset import Source, load
from eval.tasks.mmlu import MMLU
from eval.tasks.mmlu_subjects import FIRST_ROW, GROUP_OF, GROUPS, SUBJECTS


def test_there_are_57_subjects_in_four_groups() -> None:
    assert len(SUBJECTS) == 57
    assert list(SUBJECTS) == sorted(SUBJECTS)
    assert Counter(GROUP_OF.values()) == dict(zip(GROUPS, (18, 13, 12, 14), strict=True))


def test_the_first_rows_follow_from_the_sizes() -> None:
    assert sum(size for _, size in SUBJECTS.values()) == 14042
    assert (FIRST_ROW["abstract_algebra"], FIRST_ROW["anatomy"]) == (0, 100)
    assert FIRST_ROW["world_religions"] == 14042 - 171


def test_the_sizes_are_those_of_the_published_split(data: Path) -> None:
    assert isinstance(MMLU.rows, Source)
    counts = Counter(row["subject"] for row in load(MMLU.rows, data).rows)
    assert counts == {subject: size for subject, (_, size) in SUBJECTS.items()}
