"""Bodies of the actions on connectors."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from dashboard.actions.wishes import Confirm, Wish

ConnectorName = Annotated[str, Meta(min_length=1, max_length=1_000)]
WorkerIndex = Annotated[
    int, Meta(ge=0, le=100, description="Which of connect_urls, the first is 0.")
]


class OneConnector(Wish, frozen=True):
    connector: ConnectorName
    worker: WorkerIndex = 0
    confirm: Confirm = ""


class RestartConnector(Wish, frozen=True):
    """With its tasks; `only_failed`: what runs is left alone."""

    connector: ConnectorName
    worker: WorkerIndex = 0
    only_failed: bool = True


class RestartTask(Wish, frozen=True, kw_only=True):
    connector: ConnectorName
    worker: WorkerIndex = 0
    task: Annotated[int, Meta(ge=0, le=2**31 - 1)]


class OffsetPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """Both as the connector writes them: kafka_topic, kafka_partition and kafka_offset for a sink;
    an offset of null is forgotten."""

    partition: dict[str, Any]
    offset: dict[str, Any] | None


class AlterConnectorOffsets(Wish, frozen=True, kw_only=True):
    """Of a connector that is stopped."""

    connector: ConnectorName
    worker: WorkerIndex = 0
    offsets: Annotated[list[OffsetPlace], Meta(min_length=1, max_length=1_000)]
    dry_run: bool = True
    confirm: Confirm = ""


class ResetConnectorOffsets(Wish, frozen=True):
    """All of a connector that is stopped: it begins anew."""

    connector: ConnectorName
    worker: WorkerIndex = 0
    dry_run: bool = True
    confirm: Confirm = ""


class SetConnectLogger(Wish, frozen=True, kw_only=True):
    """In the whole Connect cluster, until its workers restart."""

    logger: Annotated[str, Meta(min_length=1, max_length=500)]
    worker: WorkerIndex = 0
    level: Annotated[str, Meta(pattern="^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL|OFF)$")]


class PutConnector(Wish, frozen=True, kw_only=True):
    """`config`: settings to change, null takes one away; a connector that is new needs
    connector.class. Others stay as they are."""

    connector: ConnectorName
    worker: WorkerIndex = 0
    config: Annotated[dict[str, str | None], Meta(min_length=1, max_length=500)]
    dry_run: bool = True
    confirm: Confirm = ""
