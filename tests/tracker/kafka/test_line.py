"""The connection by kafka-python: what it leaves behind when its broker goes away."""

import asyncio
import gc
import socket
from pathlib import Path

import pytest

from tests.support.running_broker import running_broker
from tracker.config import KafkaConfig
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.line import Line

PATIENCE_S = 1.0

pytestmark = pytest.mark.may_block


def refused_and_open() -> list[socket.socket]:
    """Sockets that lead nowhere, as the system leaves them after a refused connect()."""
    alive = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
    return [one for one in alive if one.fileno() >= 0 and one.getsockname()[:1] == ("0.0.0.0",)]


async def test_a_broker_that_went_away_leaves_no_socket_open(tmp_path: Path) -> None:
    of_others = refused_and_open()
    async with running_broker(tmp_path) as broker:
        line = Line(KafkaConfig(bootstrap_servers=broker.bootstrap))
        await asyncio.to_thread(line.ask, lambda client: client.list_topics(), PATIENCE_S)

    with pytest.raises(ClusterUnavailable):
        await asyncio.to_thread(line.ask, lambda client: client.list_topics(), PATIENCE_S)

    assert [one for one in refused_and_open() if one not in of_others] == []
