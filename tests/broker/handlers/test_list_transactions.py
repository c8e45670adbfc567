"""ListTransactions over the wire: every filter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.list_transactions import (
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from tests.support.manual_clock import ManualClock
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.transactional import add_partition, make_topic, start_producer

VERSION = 2


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    """A broker with an open transaction `shop-open`, five seconds old, and an empty `shop-idle`."""
    clock = ManualClock()
    async with (
        running_broker(tmp_path, clock) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "orders")
        await start_producer(client, "shop-idle")
        producer = await start_producer(client, "shop-open")
        await add_partition(client, "shop-open", producer, "orders")
        clock.advance(5000)
        yield client


async def listed(client: RawClient, request: ListTransactionsRequest) -> dict[str, str]:
    answer = await client.ask(request, VERSION, ListTransactionsResponse)
    assert answer.error_code == ErrorCode.NONE
    return {each.transactional_id: each.transaction_state for each in answer.transaction_states}


async def test_without_filters_all_ids_come(client: RawClient) -> None:
    found = await listed(client, ListTransactionsRequest())

    assert found == {"shop-idle": "Empty", "shop-open": "Ongoing"}


async def test_states_filter_and_unknown_ones_are_named(client: RawClient) -> None:
    request = ListTransactionsRequest(state_filters=["Ongoing", "Sleeping", "Sleeping"])
    answer = await client.ask(request, VERSION, ListTransactionsResponse)

    assert [each.transactional_id for each in answer.transaction_states] == ["shop-open"]
    assert answer.unknown_state_filters == ["Sleeping"]


@pytest.mark.parametrize(
    ("duration_ms", "passing"),
    [(-7, {"shop-idle", "shop-open"}), (4999, {"shop-idle", "shop-open"}), (5000, {"shop-idle"})],
)
async def test_a_duration_passes_what_began_earlier_and_what_never_began(
    client: RawClient, duration_ms: int, passing: set[str]
) -> None:
    """As `kafka-transactions list --duration-filter` shows it on Apache Kafka 4.2."""
    found = await listed(client, ListTransactionsRequest(duration_filter=duration_ms))

    assert found.keys() == passing


async def test_a_pattern_must_match_the_whole_id(client: RawClient) -> None:
    assert await listed(client, ListTransactionsRequest(transactional_id_pattern="shop")) == {}
    found = await listed(client, ListTransactionsRequest(transactional_id_pattern="shop-o.*"))
    assert list(found) == ["shop-open"]


async def test_a_producer_id_nobody_has_finds_nothing(client: RawClient) -> None:
    assert await listed(client, ListTransactionsRequest(producer_id_filters=[987_654])) == {}


async def test_a_pattern_that_is_none_is_refused(client: RawClient) -> None:
    request = ListTransactionsRequest(transactional_id_pattern="(")
    answer = await client.ask(request, VERSION, ListTransactionsResponse)

    assert answer.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
