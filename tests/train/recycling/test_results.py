import hashlib
import json
from pathlib import Path

from train.recycling.parsing import Parsed
from train.recycling.ratios import Ratio
from train.recycling.recycled import Call, Recycled
from train.recycling.results import Results
from train.recycling.settings import Recycle
from train.recycling.status import Status
from train.sample import Sample
from train.samples import Seed


def made(number: int, ifd: float = 0.5, rifd: float = 0.5) -> Recycled:
    sample = Sample(f"topic {number}", "So.")
    one = Recycled(Seed(f"{number:02}", sample, "train"))
    one.variants["response"] = Sample(f"topic {number}", "So, in detail.")
    one.chosen = "response"
    one.ifd["response"] = Ratio(Status.OK, ifd, 2.0, 1.0)
    one.rifd["response"] = Ratio(Status.OK, rifd, 2.0, 1.0)
    return one


def write(folder: Path, *blocks: list[Recycled], **settings: float) -> list[dict]:
    with Results(folder, Recycle(**settings)) as results:  # type: ignore[arg-type]
        for number, block in reversed(list(enumerate(blocks))):
            results.add(number, block)
        summary = results.write()
    content = (folder / "recycled.jsonl").read_bytes()
    assert summary["recycled_sha256"] == hashlib.sha256(content).hexdigest()
    rows = [json.loads(line) for line in content.splitlines()]
    assert summary["num_samples"] == len(rows)
    assert summary["num_kept"] == sum(row["kept"] for row in rows)
    return rows


def test_blocks_in_any_order_give_lines_in_the_order_of_the_samples(tmp_path: Path) -> None:
    rows = write(tmp_path, [made(0), made(1)], [made(2), made(3)], [made(4)])
    assert [row["id"] for row in rows] == ["00", "01", "02", "03", "04"]
    assert list(tmp_path.iterdir()) == [tmp_path / "recycled.jsonl"]


def test_the_rank_is_by_ifd_among_what_passes_the_filters(tmp_path: Path) -> None:
    rows = write(tmp_path, [made(0, 0.3), made(1, 0.9), made(2, 1.5), made(3, 0.6)])
    assert [row["rank"] for row in rows] == [3, 1, None, 2]
    assert [row["kept"] for row in rows] == [True, True, False, True]
    assert rows[2]["reason"] == "IFD 1.5 is not below 1"


def test_the_top_is_kept_and_the_rest_says_so(tmp_path: Path) -> None:
    rows = write(tmp_path, [made(n, 0.1 + n / 100) for n in range(10)], top_percent=20.0)
    assert [row["id"] for row in rows if row["kept"]] == ["08", "09"]
    assert {row["reason"] for row in rows if not row["kept"]} == {"not in the top 20 % by IFD"}


def test_what_came_to_no_end_is_not_kept(tmp_path: Path) -> None:
    one = made(0)
    one.calls["response"] = Call(Parsed(Status.API_ERROR, reason="500: broken"), 1)
    (row,) = write(tmp_path, [one])
    assert not row["kept"]
    assert row["reason"] == "api_error: it did not come to its end"


def test_what_waits_is_counted_by_what_it_waits_for(tmp_path: Path) -> None:
    waiting = [made(number) for number in range(3)]
    for one, status in zip(waiting, ("api_error", "skipped", "skipped"), strict=True):
        one.calls["instruction"] = Call(Parsed(Status.PARSE_FAILED, reason="no marker"), 2)
        one.calls["response"] = Call(Parsed(Status(status), reason="why"), 1)
    with Results(tmp_path, Recycle()) as results:
        results.add(0, [*waiting, made(3)])
        summary = results.write()
        assert (results.num_passing, results.num_skipped) == (3, 2)
    assert summary["statuses"] == {"parse_failed": 3, "ok": 1}
    assert summary["dropped"]["skipped: it did not come to its end"] == 2


def test_reasons_are_counted_without_their_numbers(tmp_path: Path) -> None:
    with Results(tmp_path, Recycle()) as results:
        results.add(0, [made(0, 1.25), made(1, 1.5), made(2, 0.5, 1.75)])
        dropped = results.write()["dropped"]
    assert dropped == {"IFD is not below 1": 2, "r-IFD is not below 1": 1}
