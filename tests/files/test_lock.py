from pathlib import Path
from subprocess import PIPE, Popen
from sys import executable

import pytest

from files.errors import LockError
from files.lock import Lock

HOLD = """
import sys
from pathlib import Path
from files.lock import Lock
with Lock(Path(sys.argv[1])):
    print(flush=True)
    sys.stdin.read()
"""


def test_it_is_held_until_the_process_lets_go_or_ends(tmp_path: Path) -> None:
    file = tmp_path / "run" / "a.lock"
    with Lock(file):
        pass
    with Popen([executable, "-c", HOLD, str(file)], stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockError, match="run is being written by another process"), Lock(file):
            pass
        other.kill()
    with Lock(file):
        pass
