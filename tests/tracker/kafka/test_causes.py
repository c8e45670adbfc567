"""Why a cluster is away, in words: what librdkafka says meanwhile, and no more than is known."""

import gc
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.ports import free_port
from tracker.config import KafkaConfig
from tracker.kafka.admin import Admin, ClusterUnavailable
from tracker.kafka.causes import Causes, cause_of

AT = "127.0.0.1:9092/bootstrap: "


REFUSED = "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
PASSWORD = "Authentication failed: Invalid username or password"
MECHANISM = (
    "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: "
    "broker's supported mechanisms: PLAIN"
)
PEER = "Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?"
SIZE = "Receive failed: Invalid response size 1213486160 (0..100000000): increase receive.message"
UNKNOWN = "Failed to resolve 'nohost.invalid:9092': Name or service not known"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (AT + REFUSED, "no program listens at 127.0.0.1:9092"),
        (
            f"sasl_plaintext://{AT}SASL authentication error: {PASSWORD} (after 9ms in state AUTH)",
            f"127.0.0.1:9092 refuses the log-in: {PASSWORD}",
        ),
        (
            f"sasl_ssl://kafka.example:9093/1: {MECHANISM} (after 126ms in state AUTH_HANDSHAKE)",
            f"kafka.example:9093 refuses the log-in: {MECHANISM}",
        ),
        (
            f"ssl://{AT}SSL handshake failed: {PEER} (after 4ms in state SSL_HANDSHAKE)",
            f"no TLS with 127.0.0.1:9092: {PEER}",
        ),
        (AT + SIZE, "127.0.0.1:9092 does not speak Kafka's protocol"),
        (
            f"nohost.invalid:9092/bootstrap: {UNKNOWN} (after 0ms in state CONNECT)",
            "no address is known for nohost.invalid:9092",
        ),
        (f"{AT}Disconnected (after 4 ms in state UP)", ""),
        ("1/1 brokers are down", ""),
        ("", ""),
    ],
)
def test_what_librdkafka_says_has_words(said: str, words: str) -> None:
    assert cause_of(said) == words


def test_the_last_cause_counts_until_an_answer_comes() -> None:
    causes = Causes()
    causes.hear(f"{AT}Failed to resolve 'x:1': Name or service not known")
    causes.hear("1/1 brokers are down")

    first = causes.why("no answer in time")
    causes.answered()

    assert first == "no address is known for 127.0.0.1:9092"
    assert causes.why("no answer in time") == "no answer in time"


@pytest.fixture
def web_server() -> Iterator[int]:
    """Port of something that answers every connection in HTTP."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_closed_port_is_told_by_metadata_and_ping() -> None:
    port = free_port()
    asked = Admin(KafkaConfig(bootstrap_servers=f"127.0.0.1:{port}"))

    for question in (asked.metadata, asked.ping):
        with pytest.raises(ClusterUnavailable, match=f"no program listens at 127.0.0.1:{port}"):
            question(2.0)


def test_a_port_of_another_protocol_is_told(web_server: int) -> None:
    asked = Admin(KafkaConfig(bootstrap_servers=f"127.0.0.1:{web_server}"))

    with pytest.raises(ClusterUnavailable, match="does not speak Kafka's protocol"):
        asked.metadata(2.0)


def test_an_admin_is_freed_without_the_collector() -> None:
    """The collector might free the client in a thread of librdkafka, which ends the process."""
    asked = Admin(KafkaConfig(bootstrap_servers="127.0.0.1:1"))
    known = weakref.ref(asked)

    gc.disable()
    try:
        del asked
        is_gone = known() is None
    finally:
        gc.enable()

    assert is_gone
