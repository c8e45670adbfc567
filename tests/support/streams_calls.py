"""The calls that tests of streams groups begin with: a topology, and heartbeats."""

from collections.abc import Sequence
from typing import Any, Protocol

from broker.errors import ErrorCode
from broker.metadata.image import ResourceType
from broker.protocol.messages import incremental_alter_configs
from broker.protocol.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from broker.protocol.messages.streams_group_heartbeat import (
    KeyValue,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Subtopology,
    TaskIds,
    TopicInfo,
    Topology,
)
from tests.support.raw_client import RawClient

GROUP = "app"
REPARTITION, CHANGELOG = "app-count-repartition", "app-count-changelog"


def word_count(epoch: int = 0, source: str = "lines") -> Topology:
    """Words of lines (subtopology 0), counted by word in a store (subtopology 1)."""
    return Topology(
        epoch,
        [
            Subtopology("0", [source], repartition_sink_topics=[REPARTITION]),
            Subtopology(
                "1",
                repartition_source_topics=[TopicInfo(REPARTITION)],
                state_changelog_topics=[
                    TopicInfo(CHANGELOG, topic_configs=[KeyValue("cleanup.policy", "compact")])
                ],
            ),
        ],
    )


async def configure_group(client: RawClient, group_id: str = GROUP, **values: int) -> None:
    """Settings of the group: `delay_ms` of the first rebalance, `standbys`."""
    names = {
        "delay_ms": "streams.initial.rebalance.delay.ms",
        "standbys": "streams.num.standby.replicas",
    }
    configs = [
        incremental_alter_configs.AlterableConfig(names[name], 0, str(value))
        for name, value in values.items()
    ]
    resource = incremental_alter_configs.AlterConfigsResource(
        int(ResourceType.GROUP), group_id, configs
    )
    response = await client.ask(
        incremental_alter_configs.IncrementalAlterConfigsRequest([resource]),
        1,
        incremental_alter_configs.IncrementalAlterConfigsResponse,
    )
    assert response.responses[0].error_code == ErrorCode.NONE


async def beat(
    client: RawClient,
    member: str = "a",
    epoch: int = 0,
    *,
    active: dict[str, list[int]] | None = None,
    standby: dict[str, list[int]] | None = None,
    **fields: Any,
) -> StreamsGroupHeartbeatResponse:
    """One heartbeat; at epoch 0 with all that a client says when it joins."""
    joining = {"rebalance_timeout_ms": 60_000, "process_id": f"p-{member}"} if epoch == 0 else {}
    if epoch == 0:
        joining |= {"topology": word_count()}
    says = epoch == 0 or active is not None
    request = StreamsGroupHeartbeatRequest(
        **{
            "group_id": GROUP,
            "member_id": member,
            "member_epoch": epoch,
            "active_tasks": _ids(active) if says else None,
            "standby_tasks": _ids(standby) if says else None,
            "warmup_tasks": [] if says else None,
            **joining,
            **fields,
        }
    )
    return await client.ask(request, 0, StreamsGroupHeartbeatResponse)


def _ids(tasks: dict[str, list[int]] | None) -> list[TaskIds]:
    return [TaskIds(name, partitions) for name, partitions in (tasks or {}).items()]


class Ids(Protocol):
    """Tasks of one subtopology, as several messages have them."""

    subtopology_id: str
    partitions: list[int]


def tasks_of(ids: Sequence[Ids] | None) -> dict[str, list[int]] | None:
    """Partitions by subtopology; None: unchanged."""
    return None if ids is None else {one.subtopology_id: one.partitions for one in ids}


def codes(response: StreamsGroupHeartbeatResponse) -> list[int]:
    """The status codes that came along."""
    assert response.error_code == ErrorCode.NONE, response
    return [one.status_code for one in response.status or []]


async def described(client: RawClient, group_id: str = GROUP) -> DescribedGroup:
    request = StreamsGroupDescribeRequest([group_id])
    response = await client.ask(request, 0, StreamsGroupDescribeResponse)
    return response.groups[0]
