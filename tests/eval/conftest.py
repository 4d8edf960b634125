import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real benchmark data, which is never part of the project."""
    folder = os.environ.get("REFLECT_EVAL_DATA")
    if not folder:
        pytest.skip("REFLECT_EVAL_DATA names no folder of benchmark data")
    return Path(folder)
