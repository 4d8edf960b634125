"""`python -m eval` with one more task, `sums`.

python -m tests.eval.eval_with_sums run sums --data FILE
"""

import sys

from eval.command import main
from eval.tasks.catalogue import CATALOGUE

CATALOGUE["sums"] = ("tests.eval.sums", "SUMS")

if __name__ == "__main__":
    sys.exit(main())
