"""Where tests of the tracker find a broker: ours, or the one FOOTFALL_TEST_BOOTSTRAP names.

The tracker runs unchanged on any Kafka: with the variable set to an Apache Kafka's address the same
tests prove that. Topics of such a broker are kept, so tests use site names of their own.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from tests.support.running_broker import broker_process


@contextlib.contextmanager
def kafka_address(directory: Path) -> Iterator[str]:
    """A bootstrap address that works until the end of the block."""
    given = os.environ.get("FOOTFALL_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with broker_process(directory) as broker:
        yield broker.bootstrap


def new_site() -> str:
    """A site name that no other test and no earlier run has used."""
    return f"{secrets.token_hex(6)}.example.com"
