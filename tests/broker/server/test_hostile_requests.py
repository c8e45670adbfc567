"""Requests that are well formed and make no sense, and damaged ones, against the whole broker.

Every API in every version: each request is answered or costs its connection, and none of them is a
bug (a traceback in the log). Found so far: a topic of 2,147,483,647 partitions taking 16 GB.
"""

import asyncio
import random
from pathlib import Path

import pytest

from broker.handlers import HANDLERS
from broker.handlers.handler import Handler
from broker.protocol.api_keys import ApiKey
from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from tests.support.random_messages import random_message
from tests.support.raw_client import RawClient, request_frame
from tests.support.running_broker import RunningBroker, running_broker

SEED = 20261122
REQUESTS = 2  # per API and version
DAMAGED = 400
PATIENCE_S = 1.0  # for an answer; acks=0 has none, JoinGroup may wait for others

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


def nonsense(handler: Handler, version: int, dice: random.Random) -> bytes:
    """A frame with a random message; its waiting times are short."""
    message = random_message(handler.request_type, version, dice)
    for name in ("max_wait_ms", "timeout_ms", "rebalance_timeout_ms", "session_timeout_ms"):
        if hasattr(message, name):
            setattr(message, name, dice.choice((0, 1, 50)))
    return request_frame(message, version, 1)


async def poke(broker: RunningBroker, frame: bytes) -> None:
    """Send `frame` on a connection of its own and wait for an answer or the end."""
    async with await RawClient.connect(broker.host, broker.port) as client:
        client.send_bytes(frame)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await client.receive_frame()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return


async def test_no_request_of_any_api_is_a_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(SEED)
    async with running_broker(tmp_path / "data") as broker:
        for handler in HANDLERS:
            if handler.api_key == ApiKey.JOIN_GROUP:
                continue  # waits for other members
            versions = range(handler.versions.min, handler.versions.max + 1)
            frames = [nonsense(handler, v, dice) for v in versions for _ in range(REQUESTS)]
            await asyncio.gather(*(poke(broker, frame) for frame in frames))

        async with await RawClient.connect(broker.host, broker.port) as client:
            assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)
    assert "request failed" not in caplog.text


async def test_damaged_requests_cost_their_connection_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(SEED)
    async with running_broker(tmp_path / "data") as broker:
        for _ in range(DAMAGED // 20):
            frames = []
            for _ in range(20):
                handler = dice.choice(HANDLERS)
                version = dice.randint(handler.versions.min, handler.versions.max)
                frame = bytearray(nonsense(handler, version, dice))
                for _ in range(dice.randint(1, 4)):
                    frame[dice.randrange(8, len(frame))] = dice.randrange(256)
                frames.append(bytes(frame))
            await asyncio.gather(*(poke(broker, frame) for frame in frames))

        async with await RawClient.connect(broker.host, broker.port) as client:
            assert await client.ask(HeartbeatRequest(), 3, HeartbeatResponse)
    assert "request failed" not in caplog.text
