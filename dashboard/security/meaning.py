"""What an access control entry means, in a sentence, and what it touches now.

Rules as in Kafka's StandardAuthorizer: a name of `*` is every name, READ, WRITE, DELETE and ALTER
bring DESCRIBE, ALTER_CONFIGS brings DESCRIBE_CONFIGS, and a DENY goes before every ALLOW.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Final

from dashboard.cluster.model import Snapshot
from tracker.kafka.security import Acl

EVERY: Final = "*"
SHOWN_MAX: Final = 5
OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "TOPIC": (
        *("READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE"),
        *("DESCRIBE_CONFIGS", "ALTER_CONFIGS"),
    ),
    "GROUP": ("READ", "DELETE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"),
    "CLUSTER": (
        *("CREATE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"),
        *("IDEMPOTENT_WRITE", "CLUSTER_ACTION"),
    ),
    "TRANSACTIONAL_ID": ("DESCRIBE", "WRITE", "TWO_PHASE_COMMIT"),
    "DELEGATION_TOKEN": ("DESCRIBE",),
    "USER": ("CREATE_TOKENS", "DESCRIBE_TOKENS"),
}
"""What can be allowed, by kind of resource; ALL beside each."""

CLUSTER_NAME: Final = "kafka-cluster"
_BRINGS: Final = {
    **dict.fromkeys(("READ", "WRITE", "DELETE", "ALTER"), ("DESCRIBE",)),
    "ALTER_CONFIGS": ("DESCRIBE_CONFIGS",),
}


def sentence(acl: Acl) -> str:
    """`User:ann may READ topic orders, from any host.`"""
    may = "may" if acl.permission == "ALLOW" else "may not"
    what = acl.resource.lower().replace("_", " ")
    if acl.resource == "CLUSTER":
        where = "the cluster"
    elif acl.pattern == "PREFIXED":
        where = f"every {what} whose name begins with {acl.name}"
    else:
        where = f"every {what}" if acl.name == EVERY else f"{what} {acl.name}"
    host = "any host" if acl.host == EVERY else acl.host
    said = "do everything with" if acl.operation == "ALL" else acl.operation
    brings = _BRINGS.get(acl.operation, ()) if acl.permission == "ALLOW" else ()
    and_so = f" (and so {', '.join(brings)})" if brings else ""
    return f"{acl.principal} {may} {said}{and_so} {where}, from {host}."


def may_come_from(host: str) -> bool:
    """Whether a client can have it: Kafka compares addresses letter by letter, so neither a name
    nor a network ever fits."""
    if host == EVERY:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def names(acl: Acl, name: str) -> bool:
    """Whether an entry is about something of that name."""
    if acl.pattern == "PREFIXED":
        return name.startswith(acl.name)
    return acl.name in (EVERY, name)


def touched(acl: Acl, snapshot: Snapshot) -> str:
    """The topics or groups that it is about now, a few of them by name."""
    known: dict[str, Iterable[str]] = {"TOPIC": snapshot.topics, "GROUP": snapshot.groups}
    if acl.resource not in known:
        return ""
    found = sorted(name for name in known[acl.resource] if names(acl, name))
    if not found:
        return "nothing that is there now"
    more = f" and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
    return ", ".join(found[:SHOWN_MAX]) + more


def denied_by(acl: Acl, others: Iterable[Acl]) -> Acl | None:
    """An entry that forbids at least a part of what `acl` allows; denying goes before allowing."""
    if acl.permission != "ALLOW":
        return None
    for other in others:
        if other.permission == "DENY" and _overlap(acl, other):
            return other
    return None


def _overlap(acl: Acl, other: Acl) -> bool:
    same_kind = acl.resource == other.resource
    same_operation = "ALL" in (acl.operation, other.operation) or acl.operation == other.operation
    same_who = other.principal in (acl.principal, "User:*") or acl.principal == "User:*"
    same_host = EVERY in (acl.host, other.host) or acl.host == other.host
    met = names(other, acl.name) or names(acl, other.name)
    return same_kind and same_operation and same_who and same_host and met
