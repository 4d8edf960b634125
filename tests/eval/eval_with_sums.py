"""`python -m eval` with one more task, `sums`.

python -m tests.eval.eval_with_sums run sums --data FILE
"""

import signal
import sys

from eval.command import main
from eval.tasks.catalogue import CATALOGUE

CATALOGUE["sums"] = ("tests.eval.sums", "SUMS")

if __name__ == "__main__":
    # A test run in the background of a shell inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
