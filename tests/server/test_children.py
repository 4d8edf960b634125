"""No process is left below one that ends, also none that ignores being asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from server.children import descendants

# A child with a child of its own; both say their ids, and the last ignores SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
if len(sys.argv) == 1:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
if len(sys.argv) > 2:
    subprocess.Popen([sys.executable, "-c", *sys.argv[1:-1]])
time.sleep(600)
"""
ENDING = """
import subprocess, sys
from server.children import end_children, parents
family = [sys.executable, "-c", sys.argv[1], sys.argv[1], "and another"]
child = subprocess.Popen(family, stdout=subprocess.PIPE)
ids = {int(child.stdout.readline()) for _ in range(2)}
end_children(0.2)
print("left:", *ids & parents().keys())
"""


def test_children_of_children_are_found() -> None:
    family = [sys.executable, "-c", FAMILY, FAMILY, "and another"]
    with subprocess.Popen(family, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child, grandchild = int(process.stdout.readline()), int(process.stdout.readline())
        try:
            assert {child, grandchild} <= descendants(os.getpid())
            assert descendants(child) == {grandchild}
            assert descendants(grandchild) == set()
        finally:
            os.kill(grandchild, 9)
            process.kill()
            process.wait()
    assert child not in descendants(os.getpid())


def test_all_are_ended_also_those_that_ignore_it() -> None:
    started_s = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", ENDING, FAMILY], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "left:", ended.stderr
    assert time.monotonic() - started_s < 50
