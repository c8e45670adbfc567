"""The calls that tests of security begin with: entries, credentials, quotas."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from broker.errors import ErrorCode
from broker.protocol.messages import alter_client_quotas as quotas
from broker.protocol.messages import alter_user_scram_credentials as scram
from broker.protocol.messages import create_acls as acls
from broker.security.acls import (
    CLUSTER_NAME,
    Acl,
    Operation,
    PatternType,
    Permission,
    Resource,
    create_acls,
)
from broker.security.credentials import ScramMechanism, salted
from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker

SALT = b"a salt of 16 byt"
ANONYMOUS = "User:ANONYMOUS"


@contextlib.asynccontextmanager
async def broker_and_client(
    data_dir: Path, **settings: Any
) -> AsyncIterator[tuple[RunningBroker, RawClient]]:
    """A broker with settings of its own, and a connection to it."""
    async with (
        running_broker(data_dir, **settings) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        yield broker, client


def entry(
    operation: Operation,
    resource: Resource,
    name: str = CLUSTER_NAME,
    *,
    principal: str = ANONYMOUS,
    permission: int = Permission.ALLOW,
    pattern: int = PatternType.LITERAL,
    host: str = "*",
) -> acls.AclCreation:
    """An access control entry as it is sent."""
    return acls.AclCreation(resource, name, pattern, principal, host, operation, permission)


async def allow(broker: RunningBroker, *rights: tuple[Operation, Resource, str]) -> None:
    """Give ANONYMOUS these rights, behind the protocol."""
    cluster = broker.services.cluster
    entries = [
        Acl(resource, name, PatternType.LITERAL, ANONYMOUS, "*", operation, Permission.ALLOW)
        for operation, resource, name in rights
    ]
    await cluster.write_records(lambda image: create_acls(image, entries, cluster.new_id))


async def add_acls(client: RawClient, *entries: acls.AclCreation) -> list[ErrorCode]:
    request = acls.CreateAclsRequest(list(entries))
    response = await client.ask(request, 3, acls.CreateAclsResponse)
    return [ErrorCode(result.error_code) for result in response.results]


async def set_password(
    client: RawClient,
    user: str,
    password: str,
    mechanism: int = ScramMechanism.SHA_256,
    iterations: int = 4096,
) -> ErrorCode:
    """As a client does it: the password itself does not leave it."""
    kind = (
        ScramMechanism(mechanism) if mechanism in list(ScramMechanism) else ScramMechanism.SHA_256
    )
    proof = salted(kind, password.encode(), SALT, max(iterations, 1))
    upsertion = scram.ScramCredentialUpsertion(user, mechanism, iterations, SALT, proof)
    request = scram.AlterUserScramCredentialsRequest([], [upsertion])
    response = await client.ask(request, 0, scram.AlterUserScramCredentialsResponse)
    return ErrorCode(response.results[0].error_code)


async def set_quota(
    client: RawClient,
    entity: dict[str, str | None],
    validate_only: bool = False,
    **values: float | None,
) -> ErrorCode:
    """Set quotas of an entity; None removes one."""
    entry_data = quotas.EntryData(
        [quotas.EntityData(kind, name) for kind, name in entity.items()],
        [quotas.OpData(key, value or 0.0, value is None) for key, value in values.items()],
    )
    request = quotas.AlterClientQuotasRequest([entry_data], validate_only)
    response = await client.ask(request, 1, quotas.AlterClientQuotasResponse)
    return ErrorCode(response.entries[0].error_code)
