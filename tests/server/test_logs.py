"""Log lines carry the request's id; libraries that log text are kept quiet."""

from __future__ import annotations

import logging

from server.logs import LINE, WRITES_TEXT, RequestIdFilter, quiet_text_writers, request_id


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
