"""Bodies of the actions on connectors."""

from typing import Annotated

from msgspec import Meta

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


class PutConnector(Wish, frozen=True, kw_only=True):
    """`config`: settings to change, null takes one away; a connector that is new needs
    connector.class. Others stay as they are."""

    connector: ConnectorName
    worker: WorkerIndex = 0
    config: Annotated[dict[str, str | None], Meta(min_length=1, max_length=500)]
    dry_run: bool = True
    confirm: Confirm = ""
