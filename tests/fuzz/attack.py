"""Many clients that send what they should not, and a look at what it did to the broker."""

import asyncio
import random
import re
import time
import urllib.request
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from broker.errors import ErrorCode
from broker.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from tests.fuzz.doors import Doors
from tests.fuzz.frames import TOPIC, Frames
from tests.support.ports import free_port
from tests.support.raw_client import RawClient
from tests.support.running_broker import BrokerProcess
from tests.support.topic_calls import batch_of, make_topic, read, write

ATTACKERS: Final = 32
LISTEN_S: Final = 0.02
HONEST: Final = "honest"
HONEST_PAUSE_S: Final = 0.1
SETTINGS: Final[dict[str, Any]] = {
    "create_topic_policy_max_partitions": 120,
    "transaction_state_log_num_partitions": 4,
    "group_min_session_timeout_ms": 100,
    "group_max_session_timeout_ms": 5_000,
}
"""What fuzzed requests may cost is bounded, so that the run shows leaks and not large topics."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the broker's process looks like from outside."""

    resident_bytes: int
    descriptors: int
    sockets: int
    processor_s: float


class Target:
    """A broker process under attack, its counters and its shape."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.metrics_port = free_port()
        self._stderr = directory / "broker.stderr"
        wanted = {**SETTINGS, **settings, "metrics_port": self.metrics_port}
        self.process = BrokerProcess(directory / "broker", wanted)
        self.doors = Doors(directory, self.process.port)
        wanted.update(self.doors.settings)

    def shape(self) -> Shape:
        seen = psutil.Process(self.process.pid)
        times = seen.cpu_times()
        return Shape(
            seen.memory_info().rss,
            seen.num_fds(),
            len(seen.net_connections()),
            times.user + times.system,
        )

    def counters(self) -> dict[str, float]:
        """Counters of connections by name, those with labels summed."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            text = answer.read().decode()
        totals: dict[str, float] = {}
        for name, value in re.findall(
            r"^(footfall_kafka_connection\w+|footfall_kafka_protocol\w+)(?:{.*})? (\S+)$",
            text,
            re.MULTILINE,
        ):
            totals[name] = totals.get(name, 0.0) + float(value)
        return totals

    def tracebacks(self) -> str:
        """What the broker logged as its own errors."""
        log = self._stderr.read_text()
        found = re.findall(r"(?:ERROR .*\n)?Traceback(?:.*\n)+?\S*(?:Error|Exception).*\n", log)
        return "\n".join(dict.fromkeys(found))[-8000:]


async def attack(target: Target, seed: int, frames: int) -> int:
    """Send so many frames over short connections; how many plain ones the broker closed."""
    topic_id = await _topic_id(target.process)
    left = [frames]
    closed = await asyncio.gather(
        *(
            _attacker(target.doors, Frames(random.Random(f"{seed}-{number}"), topic_id), left)
            for number in range(ATTACKERS)
        )
    )
    return sum(closed)


async def _topic_id(broker: BrokerProcess) -> bytes:
    """Of the topic that attackers know; it is made if it is not there."""
    topics = [MetadataRequestTopic(name=TOPIC)]
    async with await RawClient.connect(broker.host, broker.port) as client:
        answer = await client.ask(
            MetadataRequest(topics, allow_auto_topic_creation=False), 12, MetadataResponse
        )
        if answer.topics[0].error_code == ErrorCode.NONE:
            return answer.topics[0].topic_id
        return (await make_topic(client, TOPIC, 3)).topic_id


async def _attacker(doors: Doors, supply: Frames, left: list[int]) -> int:
    dice = supply.dice
    closed = 0
    while left[0] > 0:
        burst = supply.burst()
        left[0] -= len(burst)
        try:
            (reader, writer), before, is_plain = await doors.open(dice)
        except OSError:  # a handshake that took too long, on a machine so full
            continue
        try:
            await _send(writer, b"".join((before, *burst)), dice)
            closed += await _is_closed(reader) and is_plain
        except OSError:  # of TLS as well
            closed += is_plain
        finally:
            writer.transport.abort()
    return closed


async def _send(writer: asyncio.StreamWriter, data: bytes, dice: random.Random) -> None:
    """In one piece, in pieces, or not to the end."""
    match dice.randrange(4):
        case 0:
            cuts = sorted(dice.randrange(len(data) + 1) for _ in range(3))
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                writer.write(data[start:end])
                await asyncio.sleep(0)
        case 1:
            writer.write(data[: dice.randrange(len(data) + 1)])
        case _:
            writer.write(data)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    """Take answers for a moment; whether the broker has ended the connection."""
    try:
        async with asyncio.timeout(LISTEN_S):
            while await reader.read(65_536):
                pass
            return True
    except TimeoutError:
        return False


async def is_of_use(broker: BrokerProcess, name: str) -> bool:
    """Whether an honest client is served as ever: a topic, a record in, the record out."""
    async with await RawClient.connect(broker.host, broker.port) as client:
        await make_topic(client, name)
        answer = await write(client, name, batch_of(b"honest"))
        return answer.error_code == 0 and await read(client, name) == [b"honest"]


async def served_meanwhile(
    broker: BrokerProcess, work: Coroutine[Any, Any, int]
) -> tuple[int, list[float]]:
    """What `work` gives, and how long an honest client waited for each record out and in again."""
    waited_s = []
    async with await RawClient.connect(broker.host, broker.port) as client:
        await make_topic(client, HONEST)
        task = asyncio.get_running_loop().create_task(work)
        number = 0
        while not task.done():
            began_s = time.perf_counter()
            value = b"%d" % number
            answer = await write(client, HONEST, batch_of(value))
            while answer.error_code == ErrorCode.REQUEST_TIMED_OUT:  # so full is the machine
                answer = await write(client, HONEST, batch_of(value))
            assert answer.error_code == ErrorCode.NONE, answer
            assert await read(client, HONEST, answer.base_offset) == [value]
            waited_s.append(time.perf_counter() - began_s)
            number += 1
            await asyncio.wait([task], timeout=HONEST_PAUSE_S)
    return task.result(), waited_s
