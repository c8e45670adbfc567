"""kcat, as people use it: to look, to write, to read, in groups and by time."""

import secrets
import subprocess
from collections.abc import Callable, Iterable

import pytest

from tests.support import tools

pytestmark = [pytest.mark.wire]

TIMEOUT_S = 60.0
LINES = [f"line {number}" for number in range(100)]

Kcat = Callable[..., list[str]]


@pytest.fixture
def topic() -> str:
    """A name that nothing else uses."""
    return f"kcat-{secrets.token_hex(4)}"


@pytest.fixture
def kcat(bootstrap: str) -> Kcat:
    """Runs kcat with its arguments; the lines it wrote. It has to succeed."""
    command = tools.kcat()

    def run(*arguments: str, stdin: Iterable[str] = ()) -> list[str]:
        done = subprocess.run(
            [command, "-b", bootstrap, *arguments],
            input="".join(f"{line}\n" for line in stdin),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_the_cluster_is_listed(kcat: Kcat, bootstrap: str, topic: str) -> None:
    kcat("-P", "-t", topic, stdin=["one"])

    listed = kcat("-L", "-t", topic)

    assert f"  broker 1 at {bootstrap} (controller)" in listed
    assert f'  topic "{topic}" with 1 partitions:' in listed
    assert "    partition 0, leader 1, replicas: 1, isrs: 1" in listed


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("acks", ["all", "1"])
def test_lines_come_back_in_order(kcat: Kcat, topic: str, codec: str, acks: str) -> None:
    kcat("-P", "-t", topic, "-z", codec, "-X", f"acks={acks}", "-p", "0", stdin=LINES)

    read = kcat("-C", "-t", topic, "-e", "-q", "-o", "beginning")

    assert read == LINES


def test_keys_headers_and_empty_values_come_back(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-K:", "-H", "a=1", "-H", "b=two", stdin=["k:v"])
    kcat("-P", "-t", topic, "-K:", "-Z", stdin=["gone:"])

    read = kcat("-C", "-t", topic, "-e", "-q", "-f", "%p %o %k %S %s [%h]\n")

    assert read == ["0 0 k 1 v [a=1,b=two]", "0 1 gone -1  []"]


def test_a_group_reads_each_line_once_and_goes_on_after_it(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, stdin=LINES)
    group = ("-q", "-e", "-X", "auto.offset.reset=earliest", "-G", topic, topic)

    first = kcat(*group)
    kcat("-P", "-t", topic, stdin=["later"])
    second = kcat(*group)

    assert first == LINES
    assert second == ["later"]


def test_offsets_are_found_by_time_and_from_the_end(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, stdin=LINES)

    (now,) = kcat("-C", "-t", topic, "-e", "-q", "-o", "-1", "-f", "%T\n")
    (begins,), (ends,), (later,) = (
        kcat("-Q", "-t", f"{topic}:0:{time}") for time in ("-2", "-1", str(int(now) + 1))
    )
    since = kcat("-C", "-t", topic, "-e", "-q", "-o", "s@1000")
    last = kcat("-C", "-t", topic, "-e", "-q", "-o", "-3")

    assert begins == f"{topic} [0] offset 0"
    assert ends == f"{topic} [0] offset {len(LINES)}"
    assert later == f"{topic} [0] offset -1"
    assert since == LINES
    assert last == LINES[-3:]


def test_a_transaction_is_written_and_read(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-X", f"transactional.id={topic}", stdin=LINES[:5])

    read = kcat("-C", "-t", topic, "-e", "-q", "-X", "isolation.level=read_committed")

    assert read == LINES[:5]
