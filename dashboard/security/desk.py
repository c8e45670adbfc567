"""What a page about rights asks one cluster: entries, SCRAM users, quotas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dashboard.asked import Asked
from tracker.clock import Clock
from tracker.kafka.security import Acl, Mechanism, Quota, ScramSecret, ScramUser


class Rights(Protocol):
    """The questions; answered by tracker.kafka.security.SecurityAdmin."""

    def close(self) -> None: ...
    def acls(self) -> tuple[Acl, ...]: ...
    def scram_users(self) -> tuple[ScramUser, ...]: ...
    def quotas(self) -> tuple[Quota, ...]: ...


class RightsChanges(Rights, Protocol):
    """What can be changed of them; answered by the same."""

    def create_acls(self, acls: Sequence[Acl]) -> None: ...
    def delete_acls(self, acls: Sequence[Acl]) -> int: ...
    def put_scram_user(self, secret: ScramSecret) -> None: ...
    def delete_scram_user(self, user: str, mechanism: Mechanism) -> None: ...
    def set_quota(
        self, entity: Mapping[str, str | None], limits: Mapping[str, float | None]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class SecurityDesk:
    """One cluster's answers."""

    acls: Asked[tuple[Acl, ...]]
    users: Asked[tuple[ScramUser, ...]]
    quotas: Asked[tuple[Quota, ...]]
    close: Callable[[], None]

    def forget(self) -> None:
        """After a change."""
        for asked in (self.acls, self.users, self.quotas):
            asked.forget()


def security_desk(rights: Rights, clock: Clock) -> SecurityDesk:
    return SecurityDesk(
        Asked(rights.acls, clock),
        Asked(rights.scram_users, clock),
        Asked(rights.quotas, clock),
        rights.close,
    )
