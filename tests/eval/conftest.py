import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real benchmark data, which is never part of the project."""
    folder = os.environ.get("REFLECT_DATA")
    if not folder:
        pytest.skip("REFLECT_DATA names no folder of benchmark data")
    return Path(folder)
