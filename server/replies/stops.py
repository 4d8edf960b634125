"""StopMatcher: finds stop strings in the text of an answer, however the text is cut."""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """Passes text on until a stop string is complete; one per choice.

    The stop string that is complete first ends the text before its first character; of several
    that are complete at the same character the longest does. Text that may yet become a stop
    string is held back. Law: what is passed on in total does not depend on how the text was cut.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        """Take the stop strings; without any, all text passes at once."""
        self._stops = tuple(stops)
        self._held = ""
        self.hit: str | None = None
        """The stop string that ended the text."""

    @property
    def is_hit(self) -> bool:
        """Whether a stop string ended the text."""
        return self.hit is not None

    def feed(self, text: str) -> str:
        """Take the next text and return what may be passed on; nothing once a stop was hit."""
        if self.is_hit or not self._stops:
            return "" if self.is_hit else text
        text = self._held + text
        hits = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if hits:
            _, at, self.hit = min(hits)
            self._held = ""
            return text[:at]
        keep = min(_first_possible(text, stop) for stop in self._stops)
        self._held = text[keep:]
        return text[:keep]

    def flush(self) -> str:
        """Return what is held back, at the end of the answer."""
        held, self._held = self._held, ""
        return held


def _first_possible(text: str, stop: str) -> int:
    """Return where a stop string may have begun that later text can complete."""
    at = text.find(stop[0], max(0, len(text) - len(stop) + 1))
    while at >= 0 and not stop.startswith(text[at:]):
        at = text.find(stop[0], at + 1)
    return at if at >= 0 else len(text)
