"""Decides whether someone may do something: super users, then DENY, then ALLOW, then the default.

Rules of Kafka's StandardAuthorizer: an entry counts when its principal is the asker or `User:*`,
its host the asker's or `*`, its operation the one asked for or ALL. READ, WRITE, DELETE and ALTER
allow DESCRIBE too, and ALTER_CONFIGS allows DESCRIBE_CONFIGS; a DENY implies nothing. With no entry
for a resource the default counts; with entries that do not match the answer is no.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from broker.metadata.image import ClusterImage
from broker.metadata.records import AccessControlEntryRecord
from broker.security.acls import (
    WILDCARD,
    Acl,
    Operation,
    PatternType,
    Permission,
    Resource,
    acl_of,
)

log = logging.getLogger(__name__)

ANYBODY = "User:*"
ANSWERS_MAX = 20_000  # remembered; names come from clients, so they are bounded
IMPLIED_BY: Mapping[int, frozenset[int]] = {
    Operation.DESCRIBE: frozenset(
        {Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER}
    ),
    Operation.DESCRIBE_CONFIGS: frozenset({Operation.ALTER_CONFIGS}),
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `host` as Kafka prints it in entries: the bare address."""

    principal: str
    host: str


@dataclass(slots=True)
class _Shelf:
    """The entries of one resource type, by the name they stand for."""

    literal: dict[str, list[Acl]] = field(default_factory=dict)
    prefixed: dict[str, list[Acl]] = field(default_factory=dict)
    prefix_lengths: set[int] = field(default_factory=set)

    def add(self, acl: Acl) -> None:
        if acl.pattern_type == PatternType.PREFIXED:
            self.prefixed.setdefault(acl.resource_name, []).append(acl)
            self.prefix_lengths.add(len(acl.resource_name))
        else:
            self.literal.setdefault(acl.resource_name, []).append(acl)

    def entries_for(self, name: str) -> Iterable[Acl]:
        yield from self.literal.get(name, ())
        if name != WILDCARD:
            yield from self.literal.get(WILDCARD, ())
        for length in self.prefix_lengths:
            if length <= len(name):
                yield from self.prefixed.get(name[:length], ())


class Authorizer:
    """Answers from the newest image; built anew, and its memory emptied, when entries change."""

    def __init__(
        self,
        image: Callable[[], ClusterImage],
        super_users: Iterable[str],
        *,
        allow_if_no_acl: bool,
    ) -> None:
        self._image = image
        self._super_users = frozenset(super_users)
        self._allow_if_no_acl = allow_if_no_acl
        self._acls: Mapping[bytes, AccessControlEntryRecord] | None = None
        self._shelves: dict[int, _Shelf] = {}
        self._answers: dict[tuple[Asker, int, int, str], bool] = {}

    def allows(self, asker: Asker, operation: Operation, resource: Resource, name: str) -> bool:
        """Whether `asker` may do `operation` with the resource `name`."""
        self._follow()
        question = (asker, int(operation), int(resource), name)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._decide(asker, operation, resource, name)
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            self._answers[question] = answer
            if not answer:
                log.info(
                    "denied principal=%s host=%s operation=%s resource=%s:%s",
                    asker.principal,
                    asker.host,
                    operation.name,
                    resource.name,
                    name,
                )
        return answer

    def allows_any(self, asker: Asker, operation: Operation, resource: Resource) -> bool:
        """Whether there is any name of this type with which `asker` may do it (KIP-679)."""
        self._follow()
        if asker.principal in self._super_users:
            return True
        shelf = self._shelves.get(resource, _Shelf())
        everything = [*shelf.literal.values(), *shelf.prefixed.values()]
        mine = [
            acl for row in everything for acl in row if _concerns(acl, asker, operation, resource)
        ]
        denied = [acl for acl in mine if acl.permission_type == Permission.DENY]
        if any(acl.resource_name == WILDCARD and not _is_prefix(acl) for acl in denied):
            return False
        allowed = [acl for acl in mine if acl.permission_type == Permission.ALLOW]
        if any(not _is_covered(acl, denied) for acl in allowed):
            return True
        return self._allow_if_no_acl  # some name has no entry at all

    def _follow(self) -> None:
        acls = self._image().acls
        if acls is self._acls:
            return
        self._acls = acls
        self._answers.clear()
        self._shelves = {}
        for record in acls.values():
            self._shelves.setdefault(record.resource_type, _Shelf()).add(acl_of(record))

    def _decide(self, asker: Asker, operation: Operation, resource: Resource, name: str) -> bool:
        if asker.principal in self._super_users:
            return True
        shelf = self._shelves.get(resource)
        entries = list(shelf.entries_for(name)) if shelf else []
        if not entries:
            return self._allow_if_no_acl
        matching = [acl for acl in entries if _concerns(acl, asker, operation, resource)]
        if any(acl.permission_type == Permission.DENY for acl in matching):
            return False
        return bool(matching)


def _concerns(acl: Acl, asker: Asker, operation: Operation, resource: Resource) -> bool:
    if acl.principal not in (asker.principal, ANYBODY) or acl.host not in (asker.host, WILDCARD):
        return False
    if acl.operation in (Operation.ALL, operation):
        return True
    return acl.permission_type == Permission.ALLOW and acl.operation in IMPLIED_BY.get(
        operation, ()
    )


def _is_prefix(acl: Acl) -> bool:
    return acl.pattern_type == PatternType.PREFIXED


def _is_covered(allowed: Acl, denied: Iterable[Acl]) -> bool:
    """Whether every name that `allowed` stands for is denied by one of `denied`."""
    name = allowed.resource_name
    for deny in denied:
        if _is_prefix(deny) and name.startswith(deny.resource_name):
            if name == WILDCARD and not _is_prefix(allowed):
                continue
            return True
        if not _is_prefix(deny) and not _is_prefix(allowed) and deny.resource_name == name:
            return True
    return False
