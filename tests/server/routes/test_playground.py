"""The page's files are served to anybody, with headers that let nothing else run."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from server.keys.policy import Keys
from server.routes.playground import FOLDER, page_files
from server.settings import Settings
from tests.live import LiveServer

TYPES = {
    "": "text/html; charset=utf-8",
    "page/page.js": "text/javascript; charset=utf-8",
    "page/theme.css": "text/css; charset=utf-8",
    "page/icon.svg": "image/svg+xml",
}


@pytest.mark.parametrize("path", TYPES)
def test_a_file_comes_with_its_type_and_strict_headers(path: str, server: LiveServer) -> None:
    with server.client() as client:
        answer = client.get(f"/{path}")
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["content-type"] == TYPES[path]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-cache"
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert not {"unsafe", "*", "http"} & set(re.findall(r"unsafe|\*|http", "".join(policy)))


def test_the_page_needs_no_key_but_its_data_does(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(Settings(keys=Keys.load("a-key-of-sixteen-or-more", None)))
    with server.client() as client:
        assert client.get("/").status_code == 200
        assert client.get("/page/page.js").status_code == 200
        assert client.get("/v1/models").status_code == 401


def test_a_file_that_is_known_is_not_sent_again(server: LiveServer) -> None:
    with server.client() as client:
        first = client.get("/")
        etag = first.headers["etag"]
        for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = client.get("/", headers={"if-none-match": sent})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
            assert "content-security-policy" in again.headers
        assert client.get("/", headers={"if-none-match": '"x"'}).content == first.content


def test_head_tells_the_same_without_the_body(server: LiveServer) -> None:
    with server.client() as client:
        head, whole = client.head("/"), client.get("/")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/none.js",
        "/page/../app.py",
        "/page/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/page/%2e%2e%2fapp.py",
        "/page/..%5capp.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/page.js%00.css",
        "/page/PAGE.JS",
        "/index.html",
    ],
)
def test_no_other_file_can_be_had(path: str, server: LiveServer) -> None:
    with server.client() as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


def test_the_files_name_no_other_origin_and_hold_no_inline_script_or_style() -> None:
    files = {name: file.body.decode() for name, file in page_files().items()}
    index = files["index.html"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", index)
    for name, text in files.items():
        assert set(re.findall(r"https?://[^/\s\"'`]+", text)) <= {"http://www.w3.org"}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_every_file_that_one_names_is_there() -> None:
    files = {name: file.body.decode() for name, file in page_files().items()}
    named = set(re.findall(r'"page/([\w.]+)"', files["index.html"]))
    for text in files.values():
        named |= set(re.findall(r'from "\./([\w.]+)"', text))
    assert named | {"index.html"} == set(files) == {path.name for path in FOLDER.iterdir()}
