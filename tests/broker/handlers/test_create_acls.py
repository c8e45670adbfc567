from pathlib import Path
from typing import Any

import pytest

from broker.errors import ErrorCode
from broker.protocol.messages.create_acls import AclCreation
from broker.security.acls import Operation, PatternType, Permission, Resource
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker
from tests.support.security_calls import ANONYMOUS, add_acls, broker_and_client, entry

SECURED: dict[str, Any] = {"authorizer_enabled": True, "super_users": ANONYMOUS}


async def test_without_an_authorizer_there_is_nothing_to_add_to(client: RawClient) -> None:
    codes = await add_acls(client, entry(Operation.READ, Resource.TOPIC, "pages"))

    assert codes == [ErrorCode.SECURITY_DISABLED]


async def test_entries_are_there_after_a_restart(tmp_path: Path) -> None:
    async with broker_and_client(tmp_path / "data", **SECURED) as (broker, client):
        wanted = entry(Operation.READ, Resource.TOPIC, "pages", principal="User:ann")
        assert await add_acls(client, wanted, wanted) == [ErrorCode.NONE, ErrorCode.NONE]

    async with running_broker(tmp_path / "data", **SECURED) as broker:
        (kept,) = broker.services.cluster.image.acls.values()

    assert (kept.principal, kept.resource_name, kept.operation) == ("User:ann", "pages", 3)


async def test_who_may_not_alter_the_cluster_adds_nothing(tmp_path: Path) -> None:
    async with broker_and_client(tmp_path / "data", authorizer_enabled=True) as (broker, client):
        codes = await add_acls(client, entry(Operation.ALL, Resource.CLUSTER))

        assert codes == [ErrorCode.CLUSTER_AUTHORIZATION_FAILED]
        assert not broker.services.cluster.image.acls


@pytest.mark.parametrize(
    "wrong",
    [
        AclCreation(99, "pages", 3, "User:a", "*", 3, 3),
        AclCreation(2, "", 3, "User:a", "*", 3, 3),
        AclCreation(2, "pages", 9, "User:a", "*", 3, 3),
        AclCreation(2, "pages", 3, "ann", "*", 3, 3),
        AclCreation(2, "pages", 3, "User:a", "*", 99, 3),
        AclCreation(2, "pages", 3, "User:a", "*", 3, 9),
        AclCreation(Resource.CLUSTER, "my-cluster", 3, "User:a", "*", 3, Permission.ALLOW),
    ],
)
async def test_an_entry_that_cannot_be_is_refused_alone(
    secured: RunningBroker, admin: RawClient, wrong: AclCreation
) -> None:
    right = entry(Operation.READ, Resource.TOPIC, "pages")

    assert await add_acls(admin, wrong, right) == [ErrorCode.INVALID_REQUEST, ErrorCode.NONE]


@pytest.mark.parametrize(
    "wrong",
    [
        AclCreation(1, "pages", 3, "User:a", "*", 3, 3),
        AclCreation(2, "pages", PatternType.MATCH, "User:a", "*", 3, 3),
        AclCreation(2, "pages", 3, "User:a", "*", 1, 3),
        AclCreation(2, "pages", 3, "User:a", "*", 3, 1),
    ],
)
async def test_with_a_filter_in_place_of_an_entry_none_is_added(
    secured: RunningBroker, admin: RawClient, wrong: AclCreation
) -> None:
    """Apache Kafka 4.2: what only a filter may say it cannot make an entry of."""
    right = entry(Operation.READ, Resource.TOPIC, "pages")

    assert await add_acls(admin, right, wrong) == [ErrorCode.UNKNOWN_SERVER_ERROR] * 2
    assert not secured.services.cluster.image.acls


async def test_an_entry_of_no_kind_ends_the_connection(admin: RawClient) -> None:
    """Apache Kafka cannot read such a request."""
    with pytest.raises((ConnectionError, EOFError)):
        await add_acls(admin, AclCreation(2, "pages", 3, "User:a", "*", 0, 3))
