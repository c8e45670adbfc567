"""World: what all clients of one run share, and how a client of raw requests lives in it."""

import asyncio
import itertools
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from broker.errors import ErrorCode, KafkaError
from tests.support.raw_client import RawClient
from tests.support.workload.history import Recorder

AGAIN_S = 0.05
IDENTITY = "id"
"""The header that tells apart records without values."""
DISCONNECTED = (OSError, TimeoutError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class World:
    """A topic on a broker that comes and goes, and the history of what happens to it."""

    host: str
    port: int
    topic: str
    partitions: int
    recorder: Recorder
    stopping: threading.Event = field(default_factory=threading.Event)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    """Each number is given once: what is made with it can be told from all else."""

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    def on(self, topic: str, partitions: int) -> "World":
        """The same world, seen from another topic."""
        return replace(self, topic=topic, partitions=partitions)

    def place(self, partition: int) -> str:
        return f"{self.topic}-{partition}"


class Answered(KafkaError):
    """The broker refused; nothing was changed by the request."""


def accept(code: int, what: str) -> None:
    """Raise Answered for any code but NONE."""
    if code != ErrorCode.NONE:
        raise Answered(ErrorCode(code), what)


def identity_of(
    value: bytes | None, headers: Iterable[tuple[str, Any]] | Mapping[str, Any] | None = None
) -> str:
    """What no other record has: its value, or what its header says in place of one."""
    if value is not None:
        return value.decode()
    told = dict(headers or ()).get(IDENTITY)
    assert isinstance(told, bytes), "a record with neither value nor identity"
    return told.decode()


Session = Callable[[RawClient], Awaitable[None]]


def live(world: World, session: Session, dice: random.Random) -> None:
    """Run a client in this thread: a session after the other, each on its own connection."""
    asyncio.run(_live(world, session, dice))


async def _live(world: World, session: Session, dice: random.Random) -> None:
    while not world.stopping.is_set():
        try:
            async with await RawClient.connect(world.host, world.port) as client:
                await session(client)
        except (*DISCONNECTED, Answered):
            await asyncio.sleep(dice.uniform(0, AGAIN_S))
