"""A broker of its own for each test of a handler, and a connection to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path / "data") as serving:
        yield serving


@pytest.fixture
async def client(broker: RunningBroker) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(broker.host, broker.port) as connected:
        yield connected
