"""GET / and /page/…: the playground, a chat page that needs nothing but this server.

The files hold no secret and are served without a key; what they ask for carries one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.errors import NotFound

FOLDER = Path(__file__).resolve().parent.parent / "page"
INDEX = "index.html"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# No inline script or style, no other origin, no text that a script could turn into markup.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page as it is sent."""

    body: bytes
    content_type: str
    etag: str


@cache
def page_files() -> Mapping[str, PageFile]:
    """Read the files that there are, by name; no other name is ever looked for on the disk."""
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in CONTENT_TYPES}


def _read(path: Path) -> PageFile:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:32]
    return PageFile(body, CONTENT_TYPES[path.suffix], f'"{digest}"')


@router.api_route("/", methods=["GET", "HEAD"])
async def show_page(http: Request) -> Response:
    """Answer with the page."""
    return _answer(http, INDEX)


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def show_file(name: str, http: Request) -> Response:
    """Answer with a file that the page asks for."""
    return _answer(http, name)


def _answer(http: Request, name: str) -> Response:
    file = page_files().get(name)
    if file is None:
        raise NotFound("The page has no such file.", code="unknown_url")
    headers = {**HEADERS, "ETag": file.etag}
    if _is_known(http.headers.get("if-none-match", ""), file.etag):
        return Response(status_code=304, headers=headers)
    return Response(file.body, headers=headers, media_type=file.content_type)


def _is_known(sent: str, etag: str) -> bool:
    """Tell whether a client that sent If-None-Match has the file already."""
    tags = {tag.strip().removeprefix("W/") for tag in sent.split(",")}
    return bool(tags & {etag, "*"})
