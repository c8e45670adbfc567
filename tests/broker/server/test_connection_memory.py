"""The collector of reference cycles looks seldom: a closed connection must go without it."""

import asyncio
import gc

from broker.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from broker.server.connection import Connection
from tests.broker.server.conftest import ToyServer


async def test_a_closed_connection_is_no_garbage_for_the_collector(server: ToyServer) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            async with await server.connect() as client:
                await client.ask(HeartbeatRequest(group_id="g"), 3, HeartbeatResponse)
            await server.until_connections(0)
        await asyncio.sleep(0)

        assert sum(isinstance(one, Connection) for one in gc.get_objects()) == 0
    finally:
        gc.enable()
