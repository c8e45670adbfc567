"""A web page on localhost that carries the beacon, for a real browser to open."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Welcome</title>
<script>window.__footfall = true</script>
<script defer src="{ingest}/js/s.js" data-site="{site}" data-local="true"></script>
</head><body><h1>Welcome</h1></body></html>
"""
PATH = "/welcome"
ORDINARY_BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)
"""What a visitor sends; the name of a headless browser is counted as a robot's."""


@contextmanager
def served_page(ingest: str, site: str) -> Iterator[str]:
    """Address of the page; `__footfall` tells the beacon that this automated browser is meant."""
    body = PAGE.format(ingest=ingest, site=site).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not worth a line."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
