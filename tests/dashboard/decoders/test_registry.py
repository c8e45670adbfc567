"""A registry that is slow, sends elsewhere or answers nonsense costs its schema, nothing else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboard.decoders import registry as registries
from dashboard.decoders.registry import NoSchema, Registry, RegistryAccess, RegistryAway
from tests.support.manual_clock import ManualClock

LIMIT_S = 0.3


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Where it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def asked(url: str) -> Registry:
    return Registry(RegistryAccess(url, "user", "secret"), ManualClock())


def whole(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_an_answer_that_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes well within any time-out of its own."""
    monkeypatch.setattr(registries, "TIMEOUT_S", LIMIT_S)
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(LIMIT_S / 10):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    with server(drip) as url, pytest.raises(RegistryAway, match="does not answer"):
        asked(url).schema(1)
    over.set()


def test_another_server_that_it_redirects_to_is_not_told_the_password() -> None:
    told: list[str | None] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        told.append(handler.headers.get("Authorization"))
        whole(handler, b'{"schema": "\\"long\\""}')

    with server(elsewhere) as other:

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            told.append(handler.headers.get("Authorization"))
            handler.send_response(302)
            handler.send_header("Location", other + handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with server(redirect) as url:
            assert asked(url).schema(1).text == '"long"'

    assert told[0] is not None
    assert told[1:] == [None]


@pytest.mark.parametrize("references", [b"3", b'"x"', b'["x"]', b"[null]", b'{"a": 1}'])
def test_references_that_are_no_list_of_objects_are_no_schema(references: bytes) -> None:
    body = b'{"schema": "\\"long\\"", "references": ' + references + b"}"

    with (
        server(lambda handler: whole(handler, body)) as url,
        pytest.raises(NoSchema, match="refer"),
    ):
        asked(url).schema(1)
