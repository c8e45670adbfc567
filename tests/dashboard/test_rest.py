"""REST with JSON: bounded in time, and its log-in told to nobody else."""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError

import pytest

from dashboard.rest import Owner, Rest, RestAccess, why_away
from tests.support.ports import free_port
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused

pytestmark = pytest.mark.may_block

OWNER = Owner("some_url", "some_username")


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server in a thread; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def refusing(status: int, body: bytes) -> AbstractContextManager[str]:
    """A server that answers so, whatever it is asked; its address."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    return serving(Refusing)


def test_another_server_that_it_redirects_to_is_not_told_who_asks() -> None:
    told: dict[str, str | None] = {}

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told[self.path] = self.headers["Authorization"]
            self.send_response(200 if self.path.startswith("/else") else 302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/else")  # type: ignore[attr-defined]
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    with serving(Redirecting) as url:
        Rest(RestAccess(url, "ann", "correct"), OWNER).ask("GET", "/here")

    assert told["/here"] is not None
    assert told["/else"] is None


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_trickles_is_no_answer(status: int) -> None:
    class Trickling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(1_000):
                    self.wfile.write(b" ")
                    ended.wait(0.05)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    ended = threading.Event()
    with serving(Trickling) as url:
        with pytest.raises(ClusterUnavailable, match="does not end"):
            Rest(RestAccess(url), OWNER, timeout_s=0.3).ask("GET", "/")
        ended.set()


def test_one_that_is_away_is_told_in_words_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The page showed `URLError: [Errno 111] Connection refused`."""
    rest = Rest(RestAccess(f"http://127.0.0.1:{free_port()}"), OWNER)

    for _ in range(2):
        with pytest.raises(ClusterUnavailable, match=r"^no program listens at its address$"):
            rest.ask("GET", "/")

    told = [record.getMessage() for record in caplog.records if record.name == "dashboard.rest"]
    assert len(told) == 1 and "Connection refused" in told[0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (URLError(TimeoutError("timed out")), "no answer in time"),
        (URLError(socket.gaierror(-2, "Name or service not known")), "no address is known"),
        (URLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")), "does not speak TLS as we do"),
        (URLError(OSError(113, "No route to host")), "no way leads to its address"),
        (http.client.RemoteDisconnected("Remote end closed"), "it ended the connection"),
        (http.client.IncompleteRead(b"x", 9), "it ended the connection"),
        (http.client.BadStatusLine("SSH-2.0"), "it speaks no HTTP"),
    ],
)
def test_what_the_network_says_has_words(error: Exception, words: str) -> None:
    assert words in why_away(error)


def test_a_certificate_that_is_not_trusted_is_told_with_the_reason() -> None:
    refused = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    refused.verify_message = "certificate has expired"

    told = why_away(URLError(refused))

    assert told == "its certificate is not trusted (certificate has expired)"


def test_what_it_refuses_with_is_told_as_far_as_it_may_be() -> None:
    body = b'{"error_code": 42, "message": "no, the password is  correct"}'

    with refusing(422, body) as url:
        rest = Rest(RestAccess(url), OWNER, told=lambda text: text.replace("correct", "hidden"))
        with pytest.raises(Refused, match=r"^no, the password is hidden$"):
            rest.ask("GET", "/")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<title>Error 405 Ambiguous &amp; odd</title>", "it answered 405 (Ambiguous & odd)"),
        (b"", "it answered 405 (Method Not Allowed)"),
        (b"\xff<title>", "it answered 405 (Method Not Allowed)"),
    ],
)
def test_a_refusal_for_people_is_told_by_its_title_or_its_kind(body: bytes, said: str) -> None:
    """Jetty, under Kafka Connect, refuses names with a slash before Connect sees them."""
    with refusing(405, body) as url, pytest.raises(Refused) as refused:
        Rest(RestAccess(url), OWNER).ask("GET", "/")

    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("io.x.RuleViolationException: Incompatible artifact: a", "Incompatible artifact: a"),
        ("a.b.BadRequestException: a.b.ConnectException: no plugin", "no plugin"),
        ("java.lang.Error: it is wrong", "it is wrong"),
        (
            "The class a.b.MyException: it is not there",
            "The class a.b.MyException: it is not there",
        ),
    ],
)
def test_javas_names_of_exceptions_do_not_stand_before_its_words(told: str, said: str) -> None:
    body = json.dumps({"message": told}).encode()

    with refusing(409, body) as url, pytest.raises(Refused) as refused:
        Rest(RestAccess(url), OWNER).ask("GET", "/")

    assert str(refused.value) == said
