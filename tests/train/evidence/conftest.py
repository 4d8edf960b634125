from dataclasses import replace

import pytest

from train.evidence.arms import Scale


@pytest.fixture(scope="session")
def tiny() -> Scale:
    """A scale at which an arm takes about a second."""
    return replace(Scale().quick(), num_tokens=3000, num_puzzles=2, num_own=2, num_checks=1)
