from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    EntityData,
    EntryData,
    OpData,
)
from broker.security.quotas import Quota, limit_for
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker
from tests.support.security_calls import set_quota


async def test_values_are_set_changed_and_removed(client: RawClient, broker: RunningBroker) -> None:
    entity: dict[str, str | None] = {"user": "ann", "client-id": None}
    key = (("client-id", None), ("user", "ann"))

    await set_quota(client, entity, producer_byte_rate=1000.0, request_percentage=12.5)
    both = dict(broker.services.cluster.image.quotas[key])
    await set_quota(client, entity, producer_byte_rate=None, request_percentage=20.0)

    assert both == {"producer_byte_rate": 1000.0, "request_percentage": 12.5}
    assert broker.services.cluster.image.quotas[key] == {"request_percentage": 20.0}


async def test_validate_only_changes_nothing(client: RawClient, broker: RunningBroker) -> None:
    code = await set_quota(client, {"user": "ann"}, validate_only=True, producer_byte_rate=1.0)

    assert code == ErrorCode.NONE
    assert not broker.services.cluster.image.quotas


async def test_the_parts_of_an_entity_are_told_in_the_order_of_apache_kafka(
    client: RawClient,
) -> None:
    parts = [EntityData("user", "ann"), EntityData("client-id", "web")]
    rate = OpData("producer_byte_rate", 1.0, remove=False)
    request = AlterClientQuotasRequest([EntryData(parts, [rate])], validate_only=False)

    (entry,) = (await client.ask(request, 1, AlterClientQuotasResponse)).entries

    assert [part.entity_type for part in entry.entity] == ["client-id", "user"]


def entry(rates: dict[str, float], *names: str) -> EntryData:
    parts = [EntityData("user", name) for name in names]
    return EntryData(parts, [OpData(key, value, remove=False) for key, value in rates.items()])


async def test_an_entity_that_comes_twice_is_answered_once_and_refused(
    client: RawClient, broker: RunningBroker
) -> None:
    """As by Apache Kafka 4.2: what its first coming changed stays all the same."""
    entries = [
        entry({"producer_byte_rate": 1.0}, "ann"),
        entry({"producer_byte_rate": 2.0}, "ben"),
        entry({"consumer_byte_rate": 3.0}, "ann"),
    ]
    request = AlterClientQuotasRequest(entries, validate_only=False)

    answer = await client.ask(request, 1, AlterClientQuotasResponse)

    assert {one.entity[0].entity_name: one.error_message for one in answer.entries} == {
        "ann": "Ignoring duplicate entity ClientQuotaEntity(entries={user=ann})",
        "ben": None,
    }
    assert broker.services.cluster.image.quotas == {
        (("user", "ann"),): {"producer_byte_rate": 1.0},
        (("user", "ben"),): {"producer_byte_rate": 2.0},
    }


async def test_of_two_names_of_one_kind_the_last_counts(
    client: RawClient, broker: RunningBroker
) -> None:
    entries = [entry({"producer_byte_rate": 1.0}, "ann", "ben")]
    request = AlterClientQuotasRequest(entries, validate_only=False)

    answer = await client.ask(request, 1, AlterClientQuotasResponse)

    assert [one.error_code for one in answer.entries] == [ErrorCode.NONE]
    assert list(broker.services.cluster.image.quotas) == [(("user", "ben"),)]


async def test_a_quota_that_is_named_twice_is_refused(
    client: RawClient, broker: RunningBroker
) -> None:
    one = OpData("producer_byte_rate", 1.0, remove=False)
    entries = [EntryData([EntityData("user", None)], [one, one])]
    request = AlterClientQuotasRequest(entries, validate_only=False)

    (answer,) = (await client.ask(request, 1, AlterClientQuotasResponse)).entries

    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert answer.error_message == (
        "Ignoring duplicate entity ClientQuotaEntity(entries={user=null})"
    )
    assert not broker.services.cluster.image.quotas


@pytest.mark.parametrize(
    ("entity", "values"),
    [
        ({}, {"producer_byte_rate": 1.0}),
        ({"planet": "mars"}, {"producer_byte_rate": 1.0}),
        ({"user": ""}, {"producer_byte_rate": 1.0}),
        ({"ip": "127.0.0.1", "user": "ann"}, {"connection_creation_rate": 1.0}),
        ({"ip": "not an address"}, {"connection_creation_rate": 1.0}),
        ({"user": "ann"}, {"connection_creation_rate": 1.0}),
        ({"ip": "127.0.0.1"}, {"producer_byte_rate": 1.0}),
        ({"user": "ann"}, {"no_such_rate": 1.0}),
        ({"user": "ann"}, {"producer_byte_rate": 0.0}),
        ({"user": "ann"}, {"producer_byte_rate": -5.0}),
        ({"user": "ann"}, {"producer_byte_rate": 1.5}),
        ({"user": "ann"}, {"producer_byte_rate": 1e19}),
        ({"ip": None}, {"connection_creation_rate": 2.0**31}),
    ],
)
async def test_what_cannot_be_a_quota_is_refused(
    client: RawClient,
    broker: RunningBroker,
    entity: dict[str, str | None],
    values: dict[str, Any],
) -> None:
    assert await set_quota(client, entity, **values) == ErrorCode.INVALID_REQUEST
    assert not broker.services.cluster.image.quotas


async def test_a_quota_that_is_no_number_is_kept_and_lets_everything_pass(
    client: RawClient, broker: RunningBroker
) -> None:
    """As in Apache Kafka 4.2; the quota of all users does not count either."""
    await set_quota(client, {"user": None}, producer_byte_rate=1.0)

    told = await set_quota(client, {"user": "ann"}, producer_byte_rate=float("nan"))
    quotas = broker.services.cluster.image.quotas

    assert told == ErrorCode.NONE
    assert limit_for(quotas, Quota.PRODUCER_BYTE_RATE, "bob", "app") is not None
    assert limit_for(quotas, Quota.PRODUCER_BYTE_RATE, "ann", "app") is None
