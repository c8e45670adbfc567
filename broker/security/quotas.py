"""Client quotas: whom they are for, what may be set, and which one counts for a client.

An entity is a user, a client id, both, or an address; a name of None stands for everyone who has no
quota of their own. The most specific entity with a value for the key counts (KIP-55, KIP-546).
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from math import isnan

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage, QuotaKey, quota_key
from broker.metadata.records import ClientQuotaRecord, MetadataRecord, QuotaEntity

USER = "user"
CLIENT_ID = "client-id"
IP = "ip"
INT32_MAX = 2**31 - 1


class Quota(StrEnum):
    """What can be limited."""

    PRODUCER_BYTE_RATE = "producer_byte_rate"
    CONSUMER_BYTE_RATE = "consumer_byte_rate"
    REQUEST_PERCENTAGE = "request_percentage"
    CONTROLLER_MUTATION_RATE = "controller_mutation_rate"
    CONNECTION_CREATION_RATE = "connection_creation_rate"


WHOLE_NUMBERS: Mapping[str, int] = {
    Quota.PRODUCER_BYTE_RATE: 2**63 - 1,
    Quota.CONSUMER_BYTE_RATE: 2**63 - 1,
    Quota.CONNECTION_CREATION_RATE: INT32_MAX,
}
"""Quotas that cannot be a fraction, with their greatest value."""

_LISTED = (
    Quota.CONNECTION_CREATION_RATE,
    Quota.CONSUMER_BYTE_RATE,
    Quota.CONTROLLER_MUTATION_RATE,
    Quota.REQUEST_PERCENTAGE,
    Quota.PRODUCER_BYTE_RATE,
)
"""The order of Java's hash maps, which clients' own tests of Apache Kafka have in them."""


class MatchType(IntEnum):
    """How a filter of DescribeClientQuotas compares."""

    EXACT = 0
    DEFAULT = 1
    SPECIFIED = 2


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """A value to set, or None to remove it."""

    key: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a filter."""

    entity_type: str
    match_type: int
    match: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """The quota that counts for a client; who shares `account` shares the quota."""

    rate: float
    account: tuple[str | None, str | None]
    """(user, client id), each None where the quota does not tell them apart."""


Entity = Sequence[tuple[str, str | None]]
ToldEntity = tuple[tuple[str, str | None], ...]
"""An entity as Apache Kafka answers it, each kind once."""


def alter_quotas(
    image: ClusterImage, wanted: Iterable[tuple[Entity, Sequence[QuotaChange]]]
) -> tuple[list[MetadataRecord], dict[ToldEntity, KafkaError | None]]:
    """Records of the changes to each entity, all or none of them, and what came of it.

    As in Kafka: of two names of one kind in an entity the last counts, and an entity that comes
    again is refused, though what its first coming changed stays.
    """
    records: list[MetadataRecord] = []
    results: dict[ToldEntity, KafkaError | None] = {}
    for entity, changes in wanted:
        told = told_entity(entity)
        names = [change.key for change in changes]
        try:
            if told in results or len(set(names)) < len(names):
                parts = ", ".join(f"{kind}={name or 'null'}" for kind, name in told)
                raise KafkaError(
                    ErrorCode.INVALID_REQUEST,
                    f"Ignoring duplicate entity ClientQuotaEntity(entries={{{parts}}})",
                )
            key = _checked_entity(told)
            records += _changes(key, image.quotas.get(key, {}), changes)
            results[told] = None
        except KafkaError as refusal:
            results[told] = refusal
    return records, results


def find_quotas(
    image: ClusterImage, components: Sequence[Component], *, strict: bool
) -> list[tuple[QuotaKey, Mapping[str, float]]]:
    """Entities that match all components; with `strict` those that have no other part."""
    exact, specified = _checked_filter(components)

    def matches(key: QuotaKey) -> bool:
        parts = dict(key)
        if strict and len(parts) != len(exact) + len(specified):
            return False
        return specified <= parts.keys() and all(
            kind in parts and parts[kind] == name for kind, name in exact.items()
        )

    return [(key, values) for key, values in image.quotas.items() if matches(key)]


def in_kafkas_order(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Quotas of one entity as Apache Kafka lists them, for up to three of them."""
    return [(quota, values[quota]) for quota in _LISTED if quota in values]


def told_entity(entity: Entity) -> ToldEntity:
    """The parts of an entity as Apache Kafka answers them, however they were asked."""
    return tuple(sorted(dict(entity).items(), key=lambda part: (part[0] != IP, part[0])))


def limit_for(
    quotas: Mapping[QuotaKey, Mapping[str, float]], quota: Quota, user: str, client_id: str
) -> Limit | None:
    """The quota that counts for this client, or None when there is none."""
    for user_by_name, client_by_name in _PRECEDENCE:
        parts = [*_part(USER, user, user_by_name), *_part(CLIENT_ID, client_id, client_by_name)]
        rate = quotas.get(_key(parts), {}).get(quota)
        if rate is not None:
            account = (
                None if user_by_name is None else user,
                None if client_by_name is None else client_id,
            )
            return None if isnan(rate) else Limit(rate, account)
    return None


def _part(kind: str, name: str, by_name: bool | None) -> Entity:
    """The part of an entity that stands for a client by name, by default, or not at all."""
    if by_name is None:
        return ()
    return ((kind, name if by_name else None),)


def connection_limit_for(
    quotas: Mapping[QuotaKey, Mapping[str, float]], address: str
) -> float | None:
    """New connections a second allowed from an address, or None when there is no quota."""
    for name in (address, None):
        rate = quotas.get(_key([(IP, name)]), {}).get(Quota.CONNECTION_CREATION_RATE)
        if rate is not None:
            return None if isnan(rate) else rate
    return None


_PRECEDENCE: tuple[tuple[bool | None, bool | None], ...] = (
    (True, True),
    (True, False),
    (True, None),
    (False, True),
    (False, False),
    (False, None),
    (None, True),
    (None, False),
)
"""(user, client id) from the most specific on: by name, by default, or not at all (KIP-55)."""


def _key(entity: Entity) -> QuotaKey:
    return quota_key(QuotaEntity(entity_type=kind, entity_name=name) for kind, name in entity)


def _checked_entity(entity: Entity) -> QuotaKey:
    kinds = [kind for kind, _ in entity]
    reason = ""
    if not entity:
        reason = "Invalid empty client quota entity"
    elif unknown := set(kinds) - {USER, CLIENT_ID, IP}:
        reason = f"Unhandled client quota entity type: {min(unknown)}"
    elif any(name == "" for _, name in entity):
        reason = f"Empty {next(kind for kind, name in entity if name == '')} not supported"
    elif IP in kinds and len(kinds) > 1:
        reason = (
            "Invalid quota entity combination, IP entity should not be combined with User or"
            " ClientId"
        )
    elif IP in kinds and not _is_address(entity[0][1]):
        reason = f"{entity[0][1]} is not a valid IP or resolvable host."
    if reason:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)
    return _key(entity)


def _is_address(name: str | None) -> bool:
    if name is None:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _changes(
    key: QuotaKey, current: Mapping[str, float], changes: Sequence[QuotaChange]
) -> list[MetadataRecord]:
    of_address = key[0][0] == IP
    records: list[MetadataRecord] = []
    for change in changes:
        entity = [QuotaEntity(entity_type=kind, entity_name=name) for kind, name in key]
        if change.value is None:
            if change.key in current:
                records.append(ClientQuotaRecord(entity=entity, key=change.key, remove=True))
            continue
        _check_value(change.key, change.value, of_address=of_address)
        if current.get(change.key) != change.value:
            records.append(ClientQuotaRecord(entity=entity, key=change.key, value=change.value))
    return records


def _check_value(key: str, value: float, *, of_address: bool) -> None:
    reason = ""
    if key not in list(Quota) or of_address != (key == Quota.CONNECTION_CREATION_RATE):
        reason = f"Invalid configuration key {key}"
    elif value <= 0:  # Kafka keeps what is no number, and never throttles by it
        reason = f"Quota {key} must be greater than 0"
    elif value > WHOLE_NUMBERS.get(key, float("inf")):
        kind = "an INT" if key == Quota.CONNECTION_CREATION_RATE else "a LONG"
        reason = f"Proposed value for {key} is too large for {kind}."
    elif key in WHOLE_NUMBERS and value % 1.0 > 1e-6:
        reason = f"{key} cannot be a fractional value."
    if reason:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)


def _checked_filter(components: Sequence[Component]) -> tuple[dict[str, str | None], set[str]]:
    """(names that must be equal, types that must be there)."""
    exact: dict[str, str | None] = {}
    specified: set[str] = set()
    for one in components:
        _check_component(one, seen=exact.keys() | specified)
        if one.match_type == MatchType.SPECIFIED:
            specified.add(one.entity_type)
        else:
            exact[one.entity_type] = one.match
    kinds = exact.keys() | specified
    if IP in kinds and len(kinds) > 1:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "Invalid entity filter component combination. IP filter component should not be used"
            " with user or clientId filter component.",
        )
    return exact, specified


def _check_component(one: Component, seen: set[str]) -> None:
    if one.entity_type in seen:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Entity type {one.entity_type} cannot appear more than once in the filter.",
        )
    if not one.entity_type:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Invalid empty entity type.")
    if one.entity_type not in (USER, CLIENT_ID, IP):
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION, f"Unsupported entity type {one.entity_type}"
        )
    reason = ""
    if one.match_type not in list(MatchType):
        reason = f"Unknown match type {one.match_type}"
    elif one.match_type == MatchType.EXACT and one.match is None:
        reason = "Request specified MATCH_TYPE_EXACT, but set match string to null."
    elif one.match_type != MatchType.EXACT and one.match is not None:
        kind = MatchType(one.match_type).name
        reason = f"Request specified MATCH_TYPE_{kind}, but also specified a match string."
    if reason:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)
