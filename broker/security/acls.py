"""Access control entries: what they are made of, and how they are added, found and removed.

An entry says: this principal, from this host, may (or may not) do this with the resources of this
name. Pure: decisions from an image to metadata records; numbers are Kafka's (KIP-11, KIP-290).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.metadata.records import (
    AccessControlEntryRecord,
    MetadataRecord,
    RemoveAccessControlEntryRecord,
)
from broker.protocol.primitives import ProtocolError

WILDCARD = "*"
CLUSTER_NAME = "kafka-cluster"  # the one name of the one resource of type CLUSTER
UNKNOWN = 0
ANY = 1  # in filters: whatever


class Resource(IntEnum):
    """What can be protected."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class Operation(IntEnum):
    """What can be done with it."""

    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class PatternType(IntEnum):
    """How the name of an entry is compared; MATCH only in filters: all that touch the name."""

    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class Permission(IntEnum):
    """What the entry does: DENY beats ALLOW."""

    DENY = 2
    ALLOW = 3


@dataclass(frozen=True, slots=True)
class Acl:
    """One entry. `principal`: `User:name` or `User:*`; `host`: an address or `*`."""

    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int

    @property
    def has_wildcards(self) -> bool:
        """Whether it has numbers that only a filter may have."""
        return self.pattern_type == PatternType.MATCH or ANY in (
            self.resource_type,
            self.pattern_type,
            self.operation,
            self.permission_type,
        )


@dataclass(frozen=True, slots=True)
class AclFilter:
    """Which entries are meant; None and ANY: whatever."""

    resource_type: int
    resource_name: str | None
    pattern_type: int
    principal: str | None
    host: str | None
    operation: int
    permission_type: int

    @property
    def problem(self) -> str:
        """Which part has numbers that Kafka does not have; empty: none."""
        if self.resource_type not in (ANY, *Resource) or self.pattern_type not in (
            ANY,
            *PatternType,
        ):
            return "Unknown patternFilter."
        if self.operation not in (ANY, *Operation) or self.permission_type not in (
            ANY,
            *Permission,
        ):
            return "Unknown entryFilter."
        return ""

    def matches(self, acl: Acl) -> bool:
        return (
            self.resource_type in (ANY, acl.resource_type)
            and self._matches_name(acl)
            and self.principal in (None, acl.principal)
            and self.host in (None, acl.host)
            and self.operation in (ANY, acl.operation)
            and self.permission_type in (ANY, acl.permission_type)
        )

    def _matches_name(self, acl: Acl) -> bool:
        if self.pattern_type not in (ANY, PatternType.MATCH, acl.pattern_type):
            return False
        name = self.resource_name
        if name is None:
            return True
        if self.pattern_type != PatternType.MATCH:
            return name == acl.resource_name
        if acl.pattern_type == PatternType.PREFIXED:
            return name.startswith(acl.resource_name)
        return acl.resource_name in (name, WILDCARD)


def require_told(*kinds: int) -> None:
    """ProtocolError for 0: with that number a client says that it does not know what it asks."""
    if UNKNOWN in kinds:
        raise ProtocolError("an entry or a filter of no kind")


def acl_of(record: AccessControlEntryRecord) -> Acl:
    """The entry that a record of the metadata log holds."""
    return Acl(
        record.resource_type,
        record.resource_name,
        record.pattern_type,
        record.principal,
        record.host,
        record.operation,
        record.permission_type,
    )


def create_acls(
    image: ClusterImage, wanted: Iterable[Acl], new_id: Callable[[], bytes]
) -> tuple[list[MetadataRecord], list[KafkaError | None]]:
    """Records that add each entry that is not there yet; each answered by its refusal or None."""
    known = {acl_of(record) for record in image.acls.values()}
    records: list[MetadataRecord] = []
    results: list[KafkaError | None] = []
    for acl in wanted:
        try:
            _check(acl)
        except KafkaError as refusal:
            results.append(refusal)
            continue
        results.append(None)
        if acl not in known:
            known.add(acl)
            records.append(_record(new_id(), acl))
    return records, results


def delete_acls(
    image: ClusterImage, filters: Sequence[AclFilter]
) -> tuple[list[MetadataRecord], list[list[Acl] | KafkaError]]:
    """Records that remove what any filter matches; each answered by its entries or its refusal."""
    removed: set[bytes] = set()
    results: list[list[Acl] | KafkaError] = []
    for one in filters:
        if one.problem:
            results.append(KafkaError(ErrorCode.INVALID_REQUEST, one.problem))
            continue
        found = {
            acl_id: acl
            for acl_id, record in image.acls.items()
            if one.matches(acl := acl_of(record))
        }
        removed.update(found)
        results.append(list(found.values()))
    records: list[MetadataRecord] = [RemoveAccessControlEntryRecord(id=one) for one in removed]
    return records, results


def find_acls(image: ClusterImage, wanted: AclFilter) -> list[Acl]:
    """All entries that match; none match a filter with numbers that Kafka does not have."""
    if wanted.problem:
        return []
    return [acl for record in image.acls.values() if wanted.matches(acl := acl_of(record))]


def _record(acl_id: bytes, acl: Acl) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(
        id=acl_id,
        resource_type=acl.resource_type,
        resource_name=acl.resource_name,
        pattern_type=acl.pattern_type,
        principal=acl.principal,
        host=acl.host,
        operation=acl.operation,
        permission_type=acl.permission_type,
    )


def _check(acl: Acl) -> None:
    reason = ""
    if acl.resource_type not in list(Resource):
        reason = "Invalid resourceType UNKNOWN"
    elif acl.resource_type == Resource.CLUSTER and acl.resource_name != CLUSTER_NAME:
        reason = f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
    elif not acl.resource_name:
        reason = "Invalid empty resource name"
    elif acl.pattern_type not in (PatternType.LITERAL, PatternType.PREFIXED):
        reason = "Invalid patternType UNKNOWN"
    elif acl.operation not in list(Operation):
        reason = "Invalid operation UNKNOWN"
    elif acl.permission_type not in list(Permission):
        reason = "Invalid permissionType UNKNOWN"
    elif ":" not in acl.principal:
        reason = (
            f"Could not parse principal from `{acl.principal}` (no colon is present separating the"
            " principal type from the principal name)"
        )
    if reason:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)
