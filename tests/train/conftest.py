from collections.abc import Iterator

import pytest

from tests.train.recycling.scripted_teacher import scripted_teacher


@pytest.fixture(scope="session")
def faulty_url() -> Iterator[str]:
    with scripted_teacher(is_faulty=True) as url:
        yield url
