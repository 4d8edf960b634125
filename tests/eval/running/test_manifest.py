from pathlib import Path
from typing import Any

import pytest

from eval.errors import RunError
from eval.running.manifest import begin, finish, resume
from eval.running.plan import Plan, make_plan
from eval.running.protocol import Protocol, Treatment
from tests.eval import sums
from tests.eval.sums import SUMS


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(SUMS, Protocol(), Treatment(), sums.write(tmp_path, 3))


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("scorer", {"version": 0}, "scorer.version was 0 and is 1 now"),
        ("protocol", {"system": "Add."}, "protocol.system was 'Add.' and is None now"),
        ("treatment", {"seed": 5}, "treatment.seed was 5 and is None now"),
        ("data", {"sha256": "0"}, "data.sha256 was '0' and is "),
    ],
)
def test_what_must_not_change_within_a_run_is_named(
    plan: Plan, part: str, change: dict[str, Any], said: str
) -> None:
    new = begin(plan, "demo")
    with pytest.raises(RunError, match=said):
        resume(new, new | {part: new[part] | change})


def test_the_same_rows_may_come_from_another_file(plan: Plan) -> None:
    new = begin(plan, "demo")
    old = new | {"data": new["data"] | {"origin": "copy.jsonl.gz", "file_sha256": "0"}}
    assert resume(new, old)["data"] == new["data"]


def test_the_seconds_of_all_sessions_are_added_up(plan: Plan) -> None:
    first = finish(begin(plan, "demo"), plan, [], "stopped", 2.5)
    again = resume(begin(plan, "demo"), first | {"started": "2026-01-01T00:00:00Z"})
    assert "digest" not in again
    ended = finish(again, plan, [], "finished", 1.25)
    assert (ended["wall_s"], ended["started"]) == (3.75, "2026-01-01T00:00:00Z")
    assert len(ended["sessions"]) == 1
