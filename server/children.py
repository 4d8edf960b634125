"""end_children: end the processes that this one started, when it cannot wait for their owners."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

PROC = Path("/proc")
POLL_S = 0.05


def end_children(grace_s: float) -> None:
    """Terminate every process below this one; kill those that are left after `grace_s`.

    Does nothing where the system has no /proc to list them.
    """
    deadline_s = time.monotonic() + grace_s
    asked: set[int] = set()
    # One whose parent has ended is no longer below this process, but was asked before.
    while children := descendants(os.getpid()) | (asked & parents().keys()):
        is_late = time.monotonic() > deadline_s
        for pid in children if is_late else children - asked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= children
        if time.monotonic() > deadline_s + grace_s:
            logger.error("%d processes could not be ended", len(children))
            return
        time.sleep(POLL_S)


def descendants(parent: int) -> set[int]:
    """Return the ids of all living processes below one."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, ppid in parents().items():
        children[ppid].append(pid)
    found: set[int] = set()
    rest = list(children[parent])
    while rest:
        pid = rest.pop()
        found.add(pid)
        rest += children[pid]
    return found


def parents() -> dict[int, int]:
    """Return the parent of every living process."""
    found = {}
    for file in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            # "pid (name) state parent ...", and the name may hold anything
            state, ppid = file.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                found[int(file.parent.name)] = int(ppid)
    return found
