import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from client.errors import EndpointError
from client.readiness import probe, wait_until_ready


@contextmanager
def server(answers: list[tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Serve the answers in turn, the last one for ever."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(paths), len(answers) - 1)]
            paths.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/v1", paths
        finally:
            http.shutdown()
            thread.join()


LOADING = (503, b'{"status": "not ready", "reason": "the model is loading"}')


def test_a_server_that_loads_is_waited_for_and_said_once() -> None:
    said: list[str] = []
    with server([LOADING] * 3 + [(200, b"{}")]) as (base_url, paths):
        wait_until_ready(base_url, said.append, poll_s=0.01)
    assert paths == ["/ready"] * 4
    assert said == ["waiting for the server: the model is loading"]


@pytest.mark.parametrize("status", [200, 401, 404])
def test_any_other_answer_ends_the_waiting_at_once(status: int) -> None:
    with server([(status, b"")]) as (base_url, paths):
        wait_until_ready(base_url, pytest.fail)
    assert len(paths) == 1


def test_nobody_there_is_left_to_the_first_question() -> None:
    assert probe("http://127.0.0.1:1/v1") is None
    wait_until_ready("http://127.0.0.1:1/v1", pytest.fail)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"\xff\xfe", b""])
def test_what_speaks_no_http_is_no_answer(said: bytes) -> None:
    def speak(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=speak, args=(listening,))
        thread.start()
        assert probe(f"http://127.0.0.1:{listening.getsockname()[1]}/v1") is None
        thread.join()


def test_one_that_stays_so_is_an_error_with_its_reason() -> None:
    never = pytest.raises(EndpointError, match=r"not ready after 0\.05 s: it does not say why")
    with server([(503, b"<html>")]) as (base_url, _), never:
        wait_until_ready(base_url, lambda _: None, ready_s=0.05, poll_s=0.01)
