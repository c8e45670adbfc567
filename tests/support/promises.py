"""A bit of everything a broker does, noted as it is answered, and whether all of it still stands.

For crashes and damage: `played` is one broker, `check` asks another one that starts from what is
left.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from broker.coordinator.group.offset_messages import OffsetFetch
from broker.errors import ErrorCode
from broker.handlers.handler import Services
from broker.metadata.image import ResourceType
from broker.protocol.messages import delete_records
from broker.security.acls import Operation, Resource
from tests.support import share_calls
from tests.support.batches import batch
from tests.support.config_calls import SET, TOPIC, altered
from tests.support.filmed_files import FilmedFiles
from tests.support.group_calls import commit, coordinated
from tests.support.memory_files import MemoryFiles
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.security_calls import add_acls, entry, set_password, set_quota
from tests.support.topic_calls import batch_of, delete_topic, make_topic, read, write

ROUNDS = 4
SETTINGS: dict[str, Any] = {
    "offsets_topic_num_partitions": 1,
    "share_coordinator_state_topic_num_partitions": 1,
    "log_segment_bytes": 400,
    "log_flush_offset_checkpoint_interval_ms": 100,
    "log_segment_delete_delay_ms": 0,
    "authorizer_enabled": True,
    "super_users": "User:ANONYMOUS",
}
PRODUCER = (7, 0)


class Unusable(Exception):
    """Partitions are offline; why."""


@dataclass(slots=True)
class Told:
    """All that clients were told is done."""

    values: list[bytes] = field(default_factory=list)
    """Of topic `pages`."""
    topics: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    retention_ms: int = 0
    """Of topic `pages`; it rises."""
    users: set[str] = field(default_factory=set)
    quotas: int = 0
    entries: int = 0
    committed: int = -1
    """Offset of group g; it rises."""
    shared: int = -1
    """Records of `jobs` up to this one are accepted."""
    start: int = 0
    """Of topic `cut`: records before it are deleted."""

    def copy(self) -> "Told":
        return replace(
            self,
            values=list(self.values),
            topics=set(self.topics),
            deleted=set(self.deleted),
            users=set(self.users),
        )


@asynccontextmanager
async def played(
    directory: Path, crash: dict[str, Any]
) -> AsyncIterator[tuple[FilmedFiles[Told], Told]]:
    """A broker that has done all its work and still runs: its film, and what clients were told."""
    files: FilmedFiles[Told] = FilmedFiles(crash)
    told = Told()
    async with (
        running_broker(directory, files=files, **SETTINGS) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        with files.filming(told):
            await play(client, told)
        yield files, told


async def play(client: RawClient, told: Told) -> None:
    """A bit of everything, several times over; what is answered is noted at once."""
    jobs = (await make_topic(client, "jobs")).topic_id
    await share_calls.from_the_beginning(client)
    for number in range(ROUNDS):
        await _write(client, told, number)
        await _administrate(client, told, number)
        assert await commit(client, number) == ErrorCode.NONE
        told.committed = number
        await _share(client, told, number, jobs)
    assert await deleted_before(client, 2) == ErrorCode.NONE
    told.start = 2


async def _write(client: RawClient, told: Told, number: int) -> None:
    for part in range(3):
        value = b"%d.%d" % (number, part)
        sequence = number * 3 + part
        written = await write(
            client, "pages", bytes(batch(value, producer=PRODUCER, sequence=sequence))
        )
        assert (written.error_code, written.base_offset) == (ErrorCode.NONE, sequence)
        told.values.append(value)


async def _administrate(client: RawClient, told: Told, number: int) -> None:
    name = f"new-{number}"
    await make_topic(client, name)
    told.topics.add(name)
    if number:
        old = f"new-{number - 1}"
        told.topics.discard(old)  # not sure while it is asked for
        assert await delete_topic(client, old) == ErrorCode.NONE
        told.deleted.add(old)
    retention_ms = 1_000_000_000 + number
    change = ("retention.ms", SET, str(retention_ms))
    assert (await altered(client, TOPIC, "pages", change)).error_code == ErrorCode.NONE
    told.retention_ms = retention_ms
    user = f"user-{number}"
    assert await set_password(client, user, "secret") == ErrorCode.NONE
    told.users.add(user)
    assert await set_quota(client, {"user": user}, producer_byte_rate=1e6) == ErrorCode.NONE
    told.quotas += 1
    made = entry(Operation.READ, Resource.TOPIC, name, principal=f"User:{user}")
    assert await add_acls(client, made) == [ErrorCode.NONE]
    told.entries += 1


async def _share(client: RawClient, told: Told, number: int, jobs: bytes) -> None:
    await share_calls.produce(client, "jobs", 1)
    given = share_calls.acquired(await share_calls.fetch(client, jobs, number * 2))
    assert given == [(number, number, 1)]
    answer = (number, number, [share_calls.ACCEPT])
    outcome = await share_calls.acknowledge(client, jobs, number * 2 + 1, answer)
    assert outcome == (ErrorCode.NONE, ErrorCode.NONE)
    told.shared = number


async def deleted_before(client: RawClient, offset: int) -> int:
    """DeleteRecords on topic `pages`; the outcome."""
    partition = delete_records.DeleteRecordsPartition(0, offset)
    request = delete_records.DeleteRecordsRequest(
        [delete_records.DeleteRecordsTopic("pages", [partition])], 10_000
    )
    answer = await client.ask(request, 2, delete_records.DeleteRecordsResponse)
    return answer.topics[0].partitions[0].error_code


async def check(tmp_path: Path, told: Told, files: MemoryFiles) -> None:
    """Unusable if a partition is offline, CannotStart if the broker is."""
    async with (
        running_broker(tmp_path, files=files, **SETTINGS) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        if broker.services.partitions.missing:
            raise Unusable(*map(str, broker.services.partitions.missing.values()))
        check_cluster(broker.services, told)
        await check_records(client, broker.services, told)
        await coordinated(client)
        await check_groups(broker.services, told)


async def check_groups(services: Services, told: Told) -> None:
    if told.committed >= 0:
        (offset,) = await services.groups.fetch_offsets(OffsetFetch("g", None))
        assert offset.offset >= told.committed
    if told.shared >= 0:
        (share,) = await services.share.offsets.of_group(share_calls.GROUP)
        assert share.start_offset > told.shared


def check_cluster(services: Services, told: Told) -> None:
    image = services.cluster.image
    assert told.topics <= image.topics.keys()
    assert not told.deleted & image.topics.keys()
    kept_ms = image.config_of(ResourceType.TOPIC, "pages").get("retention.ms", "0")
    assert int(kept_ms) >= told.retention_ms
    assert told.users <= {user for user, _ in image.scram}
    assert len(image.quotas) >= told.quotas
    assert len(image.acls) >= told.entries


async def check_records(client: RawClient, services: Services, told: Told) -> None:
    start = services.partitions.get("pages", 0).log_start_offset
    assert start >= told.start
    found = await read_all(client, "pages", start)
    assert found[: len(told.values) - start] == told.values[start:]
    if told.values:  # the newest of its producer comes again
        sequence = len(told.values) - 1
        again = bytes(batch(told.values[-1], producer=PRODUCER, sequence=sequence))
        repeated = await write(client, "pages", again)
        assert (repeated.error_code, repeated.base_offset) == (ErrorCode.NONE, sequence)
    written = await write(client, "pages", batch_of(b"after"))
    assert written.base_offset == start + len(found)


async def read_all(client: RawClient, topic: str, offset: int) -> list[bytes | None]:
    """All values from `offset` on: a fetch stops where a segment ends."""
    found: list[bytes | None] = []
    while more := await read(client, topic, offset + len(found)):
        found += more
    return found
