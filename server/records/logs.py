"""Log lines: one an event, with the id of the request; never a word of a prompt or a reply."""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="-")

LogForm = Literal["text", "json"]

LINE = "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s"
JSON_FIELDS = ("levelname", "name", "request_id", "message")
# httpcore and httpx write at DEBUG level what they exchange.
WRITES_TEXT = ("httpcore", "httpx")


def trace_of(error: BaseException) -> str:
    """Return what an exception is and where it was raised; never its text, which may quote any."""
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    return f"{type(error).__name__}\n{frames}"


class RequestIdFilter(logging.Filter):
    """Gives every record the id of the request it was written for, "-" outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Set `record.request_id` and let the record pass."""
        record.request_id = request_id.get()
        return True


def quiet_text_writers() -> None:
    """Keep libraries that log what they send above DEBUG, whatever the level of the root."""
    for name in WRITES_TEXT:
        logging.getLogger(name).setLevel(logging.WARNING)


def json_formatter() -> logging.Formatter:
    """Make a formatter that writes a line as one JSON object, with the `extra` fields it has."""
    return JsonFormatter(
        JSON_FIELDS,
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger"},
        json_ensure_ascii=True,
    )


def configure(level: str, form: LogForm = "text") -> None:
    """Send log lines of `level` and above to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(LINE) if form == "text" else json_formatter())
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("vllm").setLevel(logging.WARNING)
    quiet_text_writers()
