"""RequestLog: requests and answers in a file of their own, for who debugs an application.

The one file with texts in it; never the reasoning. JSON lines, the first of which says what it is.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Self, TextIO

from server.keys.policy import Caller
from server.records.thread_sink import ThreadSink
from server.replies.exchanges import Exchange

logger = logging.getLogger(__name__)

MARK = {
    "warning": "this file holds the texts of requests and answers: keep it as secret as they are",
    "written_by": "reflect serve --log-requests",
}


class RequestLogError(ValueError):
    """A file that cannot be written to, or is no log of requests."""


class RequestLog(ThreadSink):
    """The sink that writes every exchange as a line."""

    def __init__(self, file: TextIO) -> None:
        """Take the open file; `open` is the way to get one."""
        super().__init__("request-log")
        self._file = file

    @classmethod
    def open(cls, path: Path) -> Self:
        """Begin a file that only its owner may read, or go on with one; warn of what it will hold.

        Raises RequestLogError for a file that is something else.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            file = os.fdopen(descriptor, "a+", encoding="utf-8")
        except OSError as error:
            raise RequestLogError(f"--log-requests {path}: {error}") from error
        file.seek(0)
        first = file.readline()
        if first and first != _line(MARK):
            file.close()
            raise RequestLogError(f"--log-requests {path}: the file is there and is no such log")
        os.fchmod(descriptor, 0o600)
        if not first:
            file.write(_line(MARK))
            file.flush()
        logger.warning("the texts of all requests and answers are written to %s", path)
        return cls(file)

    def wants(self, _: Caller) -> bool:
        """Tell that everybody's exchanges are written."""
        return True

    def _close(self) -> None:
        self._file.close()

    def _write(self, exchange: Exchange, at_s: float) -> None:
        line = {
            "at_s": round(at_s, 3),
            "id": exchange.id,
            "key_id": exchange.caller.key_id,
            "request": exchange.request.model_dump(mode="json", exclude_unset=True, by_alias=True),
            "answers": [answer.to_dict() for answer in exchange.answers],
            "usage": exchange.usage.model_dump(),
        }
        try:
            self._file.write(_line(line))
            self._file.flush()
        except OSError as error:
            logger.error("%s could not be logged: %s", exchange.id, error)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
