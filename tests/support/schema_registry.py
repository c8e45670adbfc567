"""A schema registry over HTTP, with Confluent's interface as far as readers need it."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

USER, PASSWORD = "reader", "registry secret"


@dataclass
class MadeRegistry:
    """Schemas by id and by subject; bodies are what the registry answers."""

    url: str = ""
    by_path: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    raw: bytes | None = None  # answered instead of everything

    def put(self, schema_id: int, text: str, kind: str = "AVRO", **more: Any) -> None:
        body = {"schema": text, **({"schemaType": kind} if kind != "AVRO" else {}), **more}
        self.by_path[f"/schemas/ids/{schema_id}"] = body

    def put_subject(self, subject: str, version: int, text: str, **more: Any) -> None:
        self.by_path[f"/subjects/{subject}/versions/{version}"] = {"schema": text, **more}

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Status and body; `?format=serialized` answers as without."""
        self.asked.append(path)
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if authorization != f"Basic {pair}":
            return 401, b"{}"
        if self.raw is not None or self.status != 200:
            return self.status, self.raw or b"{}"
        body = self.by_path.get(unquote(urlsplit(path).path))
        if body is None:
            return 404, json.dumps({"error_code": 40403, "message": "not found"}).encode()
        return 200, json.dumps(body).encode()


@contextmanager
def schema_registry() -> Iterator[MadeRegistry]:
    """A running one."""
    made = MadeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()
