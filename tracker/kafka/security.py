"""Who may do what in a cluster: access control entries, SCRAM users, quotas of clients.

kafka-python carries the requests (docs/adr/0024), since librdkafka has no quotas. Each call blocks,
at most about `timeout_s` seconds, and may come from any thread. What the cluster does not allow
raises `Refused` with a sentence for people; no answer raises ClusterUnavailable.
"""

import hashlib
import importlib
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeVar

from tracker.config import KafkaConfig
from tracker.kafka.changes import Refused
from tracker.kafka.line import Line, client_library

T = TypeVar("T")

TIMEOUT_S: Final = 5.0
SALT_BYTES: Final = 24

_CLUSTER_AUTHORIZATION_FAILED: Final = 31
_UNSUPPORTED_VERSION: Final = 35
_SECURITY_DISABLED: Final = 54
_RESOURCE_NOT_FOUND: Final = 91
_SENTENCES: Final = {
    _CLUSTER_AUTHORIZATION_FAILED: "the cluster does not allow it to the user that the dashboard"
    " signs in as",
    _UNSUPPORTED_VERSION: "the brokers are too old for it",
    _SECURITY_DISABLED: "the cluster has no authorizer: everybody may do everything",
}


class NoAuthorizer(Refused):
    """SECURITY_DISABLED: nobody asks for access control entries there."""


class NotForUs(Refused):
    """CLUSTER_AUTHORIZATION_FAILED: the user that the dashboard signs in as may not."""


class Resource(IntEnum):
    """What an entry is about (Kafka's ResourceType)."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class Pattern(IntEnum):
    """How the name of an entry is meant (KIP-290)."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    """What an entry allows or denies (Kafka's AclOperation)."""

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


class Permission(IntEnum):
    DENY = 2
    ALLOW = 3


class Mechanism(IntEnum):
    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2

    @property
    def word(self) -> str:
        return self.name.replace("_", "-")


_ANY: Final = 1


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One entry, its codes as Kafka's words; a code that is not known stays a number."""

    principal: str
    resource: str
    name: str
    pattern: str
    operation: str
    permission: str
    host: str = "*"


@dataclass(frozen=True, slots=True, order=True)
class ScramUser:
    """One user with mechanisms (word, iterations); no secret is ever told."""

    name: str
    mechanisms: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of one kind of client: (type, name) pairs, a name of None is the default."""

    entity: tuple[tuple[str, str | None], ...]
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ScramSecret:
    """What a new SCRAM credential is made of; the password stays in this process."""

    user: str
    mechanism: Mechanism
    iterations: int
    password: str

    def salted(self, salt: bytes) -> bytes:
        """RFC 5802's Hi(password, salt, i): all that the broker gets."""
        name = "sha256" if self.mechanism is Mechanism.SCRAM_SHA_256 else "sha512"
        return hashlib.pbkdf2_hmac(name, self.password.encode(), salt, self.iterations)

    def __repr__(self) -> str:
        return f"ScramSecret({self.user!r}, {self.mechanism.word})"


class SecurityAdmin:
    """One cluster; questions wait for one another."""

    def __init__(self, settings: KafkaConfig, timeout_s: float = TIMEOUT_S) -> None:
        self._door = Line(settings)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()

    def close(self) -> None:
        self._door.close()

    def acls(self) -> tuple[Acl, ...]:
        """Every entry there is."""
        answer = self._send(
            "DescribeAclsRequest",
            lambda kind: kind(
                resource_type_filter=_ANY,
                resource_name_filter=None,
                pattern_type_filter=_ANY,
                principal_filter=None,
                host_filter=None,
                operation=_ANY,
                permission_type=_ANY,
            ),
        )
        _check(answer)
        return tuple(sorted(_entries(answer.resources)))

    def create_acls(self, acls: Sequence[Acl]) -> None:
        """Entries that are there already stay as they are."""

        def made(kind: Any) -> Any:
            creation = kind.AclCreation
            return kind(
                creations=[creation(**_codes(acl, "resource_pattern_type")) for acl in acls]
            )

        for result in self._send("CreateAclsRequest", made).results:
            _check(result)

    def delete_acls(self, acls: Sequence[Acl]) -> int:
        """Exactly these; how many were there."""

        def made(kind: Any) -> Any:
            filters = []
            for acl in acls:
                codes = _codes(acl, "pattern_type")
                filters.append(
                    kind.DeleteAclsFilter(
                        resource_type_filter=codes["resource_type"],
                        resource_name_filter=acl.name,
                        pattern_type_filter=codes["pattern_type"],
                        principal_filter=acl.principal,
                        host_filter=acl.host,
                        operation=codes["operation"],
                        permission_type=codes["permission_type"],
                    )
                )
            return kind(filters=filters)

        gone = 0
        for result in self._send("DeleteAclsRequest", made).filter_results:
            _check(result)
            for entry in result.matching_acls:
                _check(entry)
                gone += 1
        return gone

    def scram_users(self) -> tuple[ScramUser, ...]:
        answer = self._send("DescribeUserScramCredentialsRequest", lambda kind: kind(users=[]))
        _check(answer)
        found = []
        for result in answer.results:
            known = sorted((one.mechanism, one.iterations) for one in result.credential_infos)
            mechanisms = tuple((_word(Mechanism, code), number) for code, number in known)
            found.append(ScramUser(result.user, mechanisms))
        return tuple(sorted(found))

    def put_scram_user(self, secret: ScramSecret) -> None:
        """A new credential, or another password for one that is there."""
        salt = secrets.token_bytes(SALT_BYTES)
        change = (secret.user, int(secret.mechanism), secret.iterations, salt, secret.salted(salt))
        self._alter_users([], [change])

    def delete_scram_user(self, user: str, mechanism: Mechanism) -> None:
        self._alter_users([(user, int(mechanism))], [])

    def quotas(self) -> tuple[Quota, ...]:
        """Of users, client ids, addresses and their defaults."""
        answer = self._send(
            "DescribeClientQuotasRequest", lambda kind: kind(components=[], strict=False)
        )
        _check(answer)
        found = [
            Quota(
                tuple(sorted((one.entity_type, one.entity_name) for one in entry.entity)),
                {value.key: value.value for value in entry.values},
            )
            for entry in answer.entries or ()
        ]
        return tuple(sorted(found, key=lambda one: [(t, n or "") for t, n in one.entity]))

    def set_quota(
        self, entity: Mapping[str, str | None], limits: Mapping[str, float | None]
    ) -> None:
        """A limit of None is taken away; others stay as they are."""

        def made(kind: Any) -> Any:
            entry = kind.EntryData
            who = [
                entry.EntityData(entity_type=type_, entity_name=name)
                for type_, name in entity.items()
            ]
            steps = [
                entry.OpData(key=key, value=0.0 if value is None else value, remove=value is None)
                for key, value in limits.items()
            ]
            return kind(entries=[entry(entity=who, ops=steps)], validate_only=False)

        for result in self._send("AlterClientQuotasRequest", made).entries:
            _check(result)

    def _alter_users(self, deletions: list[Any], upsertions: list[Any]) -> None:
        answer = self._send(
            "AlterUserScramCredentialsRequest",
            lambda kind: kind(deletions=deletions, upsertions=upsertions),
        )
        for result in answer.results:
            _check(result)

    def _send(self, name: str, made: Callable[[Any], Any]) -> Any:
        """The answer to one request of kafka-python's; codes in it are not looked at."""
        client_library()
        # made here: what we refuse is no silence of the cluster
        request = made(getattr(importlib.import_module("kafka.protocol.admin"), name))

        def question(client: Any) -> Any:
            manager = client._manager  # public calls drop the broker's words, and have no quotas
            return manager.run(manager.send, request)

        with self._lock:
            return self._door.ask(question, self._timeout_s)


def _entries(resources: Iterable[Any]) -> Iterable[Acl]:
    for resource in resources:
        for entry in resource.acls:
            yield Acl(
                entry.principal,
                _word(Resource, resource.resource_type),
                resource.resource_name,
                _word(Pattern, resource.pattern_type),
                _word(Operation, entry.operation),
                _word(Permission, entry.permission_type),
                entry.host,
            )


def _codes(acl: Acl, pattern_key: str) -> dict[str, Any]:
    """Fields of a request; raises Refused for a word that Kafka does not have."""
    try:
        return {
            "resource_type": int(Resource[acl.resource]),
            "resource_name": acl.name,
            pattern_key: int(Pattern[acl.pattern]),
            "principal": acl.principal,
            "host": acl.host,
            "operation": int(Operation[acl.operation]),
            "permission_type": int(Permission[acl.permission]),
        }
    except KeyError as error:
        raise Refused(f"{error} is not known here; use kafka-acls for it") from error


def _word(kind: type[IntEnum], code: int) -> str:
    try:
        found = kind(code)
    except ValueError:
        return str(code)
    return found.word if isinstance(found, Mechanism) else found.name


def _check(answer: Any) -> None:
    """Raises Refused where an answer holds an error code."""
    code = answer.error_code
    if code == 0:
        return
    said = getattr(answer, "error_message", None) or f"error {code}"
    if code == _SECURITY_DISABLED:
        raise NoAuthorizer(_SENTENCES[code])
    if code == _CLUSTER_AUTHORIZATION_FAILED:
        raise NotForUs(_SENTENCES[code])
    if code == _RESOURCE_NOT_FOUND:
        raise Refused(f"it is not there: {said}")
    raise Refused(_SENTENCES.get(code, said))
