"""Side: one of the models that a run set asks: a name or URL to reach, or a folder to serve."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from client.readiness import wait_until_ready
from eval.running.served import is_folder, served

KEYS = ("REFLECT_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, slots=True)
class Side:
    """A model as the user named it. Exactly one of base_url and folder is set.

    model: None: the one that is served there
    """

    model: str | None = None
    base_url: str | None = None
    folder: str | None = None

    @classmethod
    def read(cls, text: str | None, base_url: str) -> Side:
        """Read NAME, URL, URL#NAME or FOLDER; a name is one at `base_url`."""
        if text is None:
            return cls(base_url=base_url)
        if text.startswith(("http://", "https://")):
            url, _, name = text.partition("#")
            return cls(name or None, base_url=url)
        if is_folder(text):
            return cls(folder=text)
        return cls(text, base_url=base_url)

    @contextmanager
    def opened(self, say: Callable[[str], None]) -> Iterator[str]:
        """Yield its base URL when it is ready; a folder is served meanwhile."""
        if self.folder is None:
            assert self.base_url is not None  # noqa: S101  (one of the two)
            wait_until_ready(self.base_url, say)
            yield self.base_url
            return
        with served(self.folder, say=say) as base_url:
            yield base_url


def key() -> str | None:
    """Return the endpoint's key from the environment; it is kept nowhere else."""
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
