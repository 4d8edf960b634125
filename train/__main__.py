"""`python -m train`: see `train.command`."""

import sys

from train.command import main

if __name__ == "__main__":
    sys.exit(main())
