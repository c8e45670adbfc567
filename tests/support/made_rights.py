"""The rights of a made cluster: entries, users and quotas in memory."""

from collections.abc import Mapping, Sequence

from tracker.kafka.admin import ClusterUnavailable
from tracker.kafka.changes import Refused
from tracker.kafka.security import Acl, Mechanism, NoAuthorizer, Quota, ScramSecret, ScramUser


class MadeRights:
    """A part of MadeCluster; `authorizer` False is a cluster that asks nobody."""

    def __init__(self) -> None:
        self.authorizer = True
        self.entries: set[Acl] = set()
        self.secrets: dict[tuple[str, str], ScramSecret] = {}
        self.limits: dict[tuple[tuple[str, str | None], ...], dict[str, float]] = {}
        self.away = False
        self.asked: list[str] = []
        self.changes: list[tuple[object, ...]] = []

    def acls(self) -> tuple[Acl, ...]:
        self._question("acls")
        if not self.authorizer:
            raise NoAuthorizer("the cluster has no authorizer: everybody may do everything")
        return tuple(sorted(self.entries))

    def create_acls(self, acls: Sequence[Acl]) -> None:
        self._change("create acls", tuple(acls))
        self.entries |= set(acls)

    def delete_acls(self, acls: Sequence[Acl]) -> int:
        there = self.entries & set(acls)
        self._change("delete acls", tuple(acls))
        self.entries -= there
        return len(there)

    def scram_users(self) -> tuple[ScramUser, ...]:
        self._question("scram_users")
        found: dict[str, list[tuple[str, int]]] = {}
        for (user, mechanism), secret in sorted(self.secrets.items()):
            found.setdefault(user, []).append((mechanism, secret.iterations))
        return tuple(ScramUser(user, tuple(known)) for user, known in found.items())

    def put_scram_user(self, secret: ScramSecret) -> None:
        self._change("put scram user", secret.user)
        self.secrets[secret.user, secret.mechanism.word] = secret

    def delete_scram_user(self, user: str, mechanism: Mechanism) -> None:
        if self.secrets.pop((user, mechanism.word), None) is None:
            raise Refused(f"it is not there: {user}")
        self._change("delete scram user", user)

    def quotas(self) -> tuple[Quota, ...]:
        self._question("quotas")
        return tuple(Quota(entity, dict(limits)) for entity, limits in self.limits.items())

    def set_quota(
        self, entity: Mapping[str, str | None], limits: Mapping[str, float | None]
    ) -> None:
        self._change("set quota", dict(entity), dict(limits))
        kept = self.limits.setdefault(tuple(sorted(entity.items())), {})
        for name, value in limits.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = value

    def _change(self, name: str, *what: object) -> None:
        self._question(name)
        self.changes.append((name, *what))

    def _question(self, name: str) -> None:
        self.asked.append(name)
        if self.away:
            raise ClusterUnavailable("made to be away")
