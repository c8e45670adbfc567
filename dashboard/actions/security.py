"""Actions on rights: access control entries, SCRAM users and quotas of one cluster."""

import math
from typing import Any, Final

from dashboard.actions import security_wishes as wishes
from dashboard.actions.perform import Outcome, Scene
from dashboard.security.meaning import (
    CLUSTER_NAME,
    OPERATIONS,
    denied_by,
    may_come_from,
    sentence,
    touched,
)
from dashboard.text import plural
from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused
from tracker.kafka.security import Acl, Mechanism, ScramSecret

LIMITS: Final = {
    "producer_byte_rate": ("user", "client-id"),
    "consumer_byte_rate": ("user", "client-id"),
    "request_percentage": ("user", "client-id"),
    "controller_mutation_rate": ("user", "client-id"),
    "connection_creation_rate": ("ip",),
}
"""Name of a limit, and whom it can be set for (KIP-599, KIP-612)."""


def create_acls(scene: Scene, wish: wishes.CreateAcls) -> Outcome:
    acls = _wanted(wish)
    try:
        there = scene.security.acls()
    except (Refused, ClusterUnavailable):
        if wish.dry_run:
            raise
        there = ()  # who may create, but not list: the cluster decides
    rows = []
    for acl in acls:
        row: dict[str, Any] = {"means": sentence(acl), "touches": touched(acl, scene.snapshot)}
        if acl in there:
            row["note"] = "is there already"
        elif not may_come_from(acl.host):
            row["note"] = "no client comes from there: a host is one address, or *"
        elif (denial := denied_by(acl, there)) is not None:
            row["note"] = f"denied all the same, at least in part: {sentence(denial)}"
        else:
            row["note"] = ""
        rows.append(row)
    if wish.dry_run:
        said = f"{plural(len(acls), 'ACL')} would be made."
        return Outcome(said, False, tuple(rows))
    scene.security.create_acls(acls)
    return Outcome(f"{plural(len(acls), 'ACL')} made.", True, tuple(rows))


def _wanted(wish: wishes.CreateAcls) -> list[Acl]:
    kind, _, who = wish.principal.partition(":")
    if not kind or not who:
        raise Refused("principal must be a type and a name, such as User:ann")
    name = CLUSTER_NAME if wish.resource == "CLUSTER" else wish.name
    if not name:
        raise Refused("name is missing; * means every name")
    known = ("ALL", *OPERATIONS[wish.resource])
    operations = [word.upper().replace("-", "_") for word in wish.operations]
    for word in operations:
        if word not in known:
            raise Refused(f"{word} is nothing to allow for {wish.resource}: {', '.join(known)}")
    pattern = "LITERAL" if wish.resource == "CLUSTER" else wish.pattern
    return [
        Acl(wish.principal, wish.resource, name, pattern, word, wish.permission, wish.host)
        for word in dict.fromkeys(operations)
    ]


def delete_acl(scene: Scene, wish: wishes.DeleteAcl) -> Outcome:
    acl = Acl(
        wish.principal,
        wish.resource,
        wish.name,
        wish.pattern,
        wish.operation,
        wish.permission,
        wish.host,
    )
    if not scene.security.delete_acls([acl]):
        raise Refused("there is no such entry any more")
    return Outcome(f"Gone: {sentence(acl)}", True)


def put_scram_user(scene: Scene, wish: wishes.PutScramUser) -> Outcome:
    mechanism = Mechanism[wish.mechanism.replace("-", "_")]
    secret = ScramSecret(wish.user, mechanism, wish.iterations, wish.password)
    scene.security.put_scram_user(secret)
    return Outcome(f"{wish.user} may log in by {wish.mechanism} with that password.", True)


def delete_scram_user(scene: Scene, wish: wishes.DeleteScramUser) -> Outcome:
    mechanism = Mechanism[wish.mechanism.replace("-", "_")]
    scene.security.delete_scram_user(wish.user, mechanism)
    return Outcome(f"{wish.user} may not log in by {wish.mechanism} any more.", True)


def set_quota(scene: Scene, wish: wishes.SetQuota) -> Outcome:
    entity = wish.entity
    if not entity:
        raise Refused("whom it is for is missing: user, client_id or ip")
    if "ip" in entity and len(entity) > 1:
        raise Refused("an address stands alone: no user and no client_id beside ip")
    limits = {name: _limit(name, value, entity) for name, value in wish.limits.items()}
    before: dict[str, float] = {}
    for quota in scene.security.quotas():
        if dict(quota.entity) == entity:
            before = dict(quota.limits)
    rows = tuple(
        {
            "limit": name,
            "before": before.get(name, "none"),
            "after": "none" if value is None else value,
        }
        for name, value in limits.items()
    )
    if wish.dry_run:
        return Outcome(f"Limits of {wish.who} would be these.", False, rows)
    scene.security.set_quota(entity, limits)
    return Outcome(f"Limits of {wish.who} are these now.", True, rows)


def _limit(name: str, value: float | str | None, entity: dict[str, str | None]) -> float | None:
    if name not in LIMITS:
        raise Refused(f"{name} is no limit: {', '.join(LIMITS)}")
    if not set(entity) <= set(LIMITS[name]):
        raise Refused(f"{name} is a limit of {' and '.join(LIMITS[name])} only")
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError as error:
        raise Refused(f"{name} must be a number, it is {value!r}") from error
    if not math.isfinite(number) or number <= 0:
        raise Refused(f"{name} must be above 0; without a value it is taken away")
    return number
