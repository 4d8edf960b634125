"""Results: recycled.jsonl and recycled.json, written when every sample has its end."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from files.whole import open_whole
from train.recycling.recycled import Recycled, reflected_from
from train.recycling.selection import Variant, num_kept, ranks, why_dropped
from train.recycling.settings import Recycle
from train.recycling.status import Status
from train.run_folder import RECYCLED


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a line is in the spool, and what decides whether its sample is kept."""

    id: str
    place: int
    size: int
    reason: str | None
    ifd: float | None


class Results:
    """Takes blocks in any order and writes their lines in the samples' order. One per run.

    Lines wait in a file without a name, which ends with the process; a line never depends on the
    others but for rank and share, so that memory holds 200 bytes a sample.
    """

    def __init__(self, folder: Path, settings: Recycle) -> None:
        self._file, self._settings = folder / RECYCLED, settings
        self._entries: dict[int, list[Entry]] = {}
        self._statuses, self._outcomes = Counter[str](), Counter[str]()
        self._waiting = Counter[Status]()
        self._stages: dict[str, Counter[str]] = {"instruction": Counter(), "response": Counter()}

    def __enter__(self) -> Self:
        self._spool = tempfile.TemporaryFile(dir=self._file.parent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._spool.close()

    def add(self, number: int, block: Sequence[Recycled]) -> None:
        """Take the block of that number, from 0."""
        self._entries[number] = [self._spooled(one) for one in block]

    def _spooled(self, one: Recycled) -> Entry:
        row, ratio = one.row(), one.ifd.get(one.chosen)
        ifd = None if ratio is None else ratio.value
        rifd = one.rifd[one.chosen].value if one.chosen in one.rifd else None
        reason = why_dropped(self._settings, one.chosen, ifd, rifd)
        if one.waits_for is not None:
            self._waiting[one.waits_for] += 1
            reason = f"{one.waits_for}: it did not come to its end"
        self._statuses[row["status"]] += 1
        self._outcomes[row["outcome"]] += 1
        self._count_stages(one)
        line = json.dumps(row, ensure_ascii=False).encode()
        return Entry(one.seed.id, self._spool.tell(), self._spool.write(line), reason, ifd)

    def _count_stages(self, one: Recycled) -> None:
        asked: dict[str, Variant] = {
            "instruction": "instruction",
            "response": reflected_from(one.base),
        }
        for stage, variant in asked.items():
            call, decision = one.calls.get(variant), one.decisions.get(stage)
            if call is not None and call.status != Status.SKIPPED:
                self._stages[stage]["asked"] += 1
                self._stages[stage]["parsed"] += call.status == Status.OK
                self._stages[stage]["accepted"] += decision is not None and decision.is_accepted

    def write(self) -> dict[str, Any]:
        """Write recycled.jsonl whole and return what recycled.json says of it."""
        entries = [entry for _, block in sorted(self._entries.items()) for entry in block]
        left = [entry for entry in entries if entry.reason is None]
        places = ranks([(entry.id, entry.ifd) for entry in left if entry.ifd is not None])
        last = num_kept(len(left), self._settings.top_percent)
        reasons, sha256, num_rows_kept = Counter[str](), hashlib.sha256(), 0
        with open_whole(self._file) as file:
            for entry in entries:
                place = places.get(entry.id)
                reason = entry.reason
                if reason is None and place is not None and place > last:
                    reason = f"not in the top {self._settings.top_percent:g} % by IFD"
                num_rows_kept += reason is None
                reasons[_kind(reason)] += reason is not None
                verdict = {"kept": reason is None, "rank": place, "reason": reason}
                line = json.dumps(verdict)[:-1].encode() + b", " + self._line(entry)[1:] + b"\n"
                sha256.update(line)
                file.write(line)
        return {
            "num_samples": len(entries),
            "num_kept": num_rows_kept,
            "statuses": dict(self._statuses),
            "outcomes": dict(self._outcomes),
            "stages": {stage: dict(counts) for stage, counts in self._stages.items()},
            "dropped": {reason: count for reason, count in reasons.items() if count},
            "recycled_sha256": sha256.hexdigest(),
        }

    @property
    def num_passing(self) -> int:
        """Samples that the next run would ask for again."""
        return self._waiting.total()

    @property
    def num_skipped(self) -> int:
        """Those of them that were not asked for, since `max_cost` was spent."""
        return self._waiting[Status.SKIPPED]

    def _line(self, entry: Entry) -> bytes:
        self._spool.seek(entry.place)
        return self._spool.read(entry.size)


def _kind(reason: str | None) -> str:
    """Return the reason without the value that stands second in those of ratios, to count by."""
    return re.sub(r"^(IFD|r-IFD) \S+", r"\1", reason or "")
