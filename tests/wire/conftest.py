"""What the files of tests/wire share: one broker a file, and Apache Kafka's tools pointed at it."""

import os
from collections.abc import Iterator

import pytest

from tests.support.java_tools import JavaTools, java_tools
from tests.support.running_broker import broker_process

INSTEAD = "FOOTFALL_TEST_BOOTSTRAP"
"""Names another broker to try: what passes here has to pass on an Apache Kafka as well."""


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the broker that the tests of one file share; each uses names of its own."""
    given = os.environ.get(INSTEAD)
    if given:
        yield given
        return
    directory = tmp_path_factory.mktemp("wire") / "data"
    with broker_process(directory, transaction_state_log_num_partitions=4) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
def java(bootstrap: str) -> JavaTools:
    return java_tools(bootstrap)
