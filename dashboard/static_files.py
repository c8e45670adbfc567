"""Scripts, styles and the icon, read once at the start and served from memory.

No path of a request ever reaches the file system.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    packed: bytes
    content_type: str
    etag: str


class StaticFiles:
    """Every file of a directory whose type is known; licences beside them are not served."""

    def __init__(self, directory: Path) -> None:
        self._files = {
            path.name: _read(path) for path in directory.iterdir() if path.suffix in TYPES
        }

    async def handle(self, request: web.Request) -> web.Response:
        """GET /static/{name}; asked again with its ETag it is 304."""
        return self.answer(request, request.match_info["name"])

    def answer(self, request: web.Request, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound(text=f"There is no file {name!r}.")
        headers = {"Cache-Control": "no-cache", "ETag": file.etag, "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == file.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.content_type
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=file.packed, headers=headers)
        return web.Response(body=file.body, headers=headers)


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return StaticFile(body, gzip.compress(body, 9, mtime=0), TYPES[path.suffix], etag)
