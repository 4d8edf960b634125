"""Status: what became of a sample, or of one thing that was asked about it."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Every sample ends in one of these; none is dropped without.

    PARSE_FAILED the reply has not the form asked for; REFUSED the teacher would not, or its
    filter; TRUNCATED the reply broke off at its limit; TOO_LONG for the teacher or the student;
    API_ERROR no reply; SKIPPED not asked; SCORE_FAILED the student gave no number.
    """

    OK = "ok"
    PARSE_FAILED = "parse_failed"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    TOO_LONG = "too_long"
    API_ERROR = "api_error"
    SKIPPED = "skipped"
    SCORE_FAILED = "score_failed"

    @property
    def is_passing(self) -> bool:
        """Whether a later run may end otherwise without a change of what is asked."""
        return self in {Status.API_ERROR, Status.SKIPPED}
