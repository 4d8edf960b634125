import random

from train.building.checks import FAILS, HOLDS, LOOKS, confirm, object_to


def test_the_wording_changes_and_every_wording_comes_up() -> None:
    rng = random.Random(1)
    assert {confirm(rng) for _ in range(500)} == {f"{a} {b}" for a in LOOKS for b in HOLDS}
    found = {object_to(rng, "2 + 2 is 4") for _ in range(500)}
    assert found == {f"{a} {b.format(why='2 + 2 is 4')}" for a in LOOKS for b in FAILS}


def test_what_is_wrong_is_said_as_it_is() -> None:
    assert "{x} is 4" in object_to(random.Random(1), "{x} is 4")
