from dataclasses import replace

from estimates.means import normal
from estimates.proportions import wilson
from eval.measures.groups import by_group
from tests.eval.made_up import failed, sample


def test_each_group_has_its_own_interval_with_what_failed_in_it() -> None:
    samples = [
        sample("a", group="law"),
        sample("b", 0.0, group="physics"),
        failed("c", group="law"),
    ]
    assert by_group(samples) == {"law": wilson(1, 2), "physics": wilson(0, 1)}


def test_grades_of_0_and_1_are_no_rights_and_wrongs() -> None:
    samples = [sample("a"), sample("b", 0.0)]
    assert by_group(samples, is_judged=True) == {"": normal([1.0, 0.0])}


def test_repeated_answers_of_a_group_are_clustered() -> None:
    samples = [sample(id, float(id < "c"), epoch=e) for id in "abcd" for e in range(5)]
    found = by_group(samples)[""]
    assert found.high - found.low > 2 * (wilson(10, 20).high - 0.5)


def test_one_question_in_several_sentences_is_clustered() -> None:
    words = [sample(id, float(id < "c")) for id in "abcd"]
    together = [replace(one, cluster=f"core {at // 2}") for at, one in enumerate(words)]
    alone, core = by_group(words)[""], by_group(together)[""]
    assert (alone.value, core.value) == (0.5, 0.5)
    assert core.high - core.low > alone.high - alone.low
