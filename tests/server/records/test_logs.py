"""Log lines carry the request's id; libraries that log text are kept quiet."""

from __future__ import annotations

import json
import logging

from server.records.logs import (
    LINE,
    WRITES_TEXT,
    RequestIdFilter,
    json_formatter,
    quiet_text_writers,
    request_id,
)


def test_a_line_names_the_request_it_was_written_for() -> None:
    record = logging.LogRecord("server", logging.INFO, "", 0, "hello", (), None)
    token = request_id.set("req_7")
    try:
        assert RequestIdFilter().filter(record)
    finally:
        request_id.reset(token)
    assert "[req_7] server: hello" in logging.Formatter(LINE).format(record)


def test_libraries_that_write_what_they_send_do_not_write_it() -> None:
    quiet_text_writers()
    for name in WRITES_TEXT:
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_a_line_is_one_json_object_with_its_extra_fields() -> None:
    record = logging.LogRecord("server.x", logging.WARNING, "", 0, "a\n%s \u2028", ("b",), None)
    record.status = 503
    RequestIdFilter().filter(record)
    line = json_formatter().format(record)
    assert line.isascii()
    assert "\n" not in line
    read = json.loads(line)
    assert {
        name: read[name] for name in ("level", "logger", "request_id", "message", "status")
    } == {
        "level": "WARNING",
        "logger": "server.x",
        "request_id": "-",
        "message": "a\nb \u2028",
        "status": 503,
    }
    assert "time" in read


def test_a_traceback_stays_in_its_line() -> None:
    try:
        raise ValueError("inner")
    except ValueError as error:
        record = logging.LogRecord(
            "server", logging.ERROR, "", 0, "failed", (), (ValueError, error, error.__traceback__)
        )
    RequestIdFilter().filter(record)
    line = json_formatter().format(record)
    assert "\n" not in line
    assert "ValueError: inner" in json.loads(line)["exc_info"]
